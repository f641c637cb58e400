package dev.larder.mount.contract;

/** Every file from a directory of blobs. */
final class PlainLayersContractTest extends LayersContractTest {
  PlainLayersContractTest() {
    super(false);
  }
}
