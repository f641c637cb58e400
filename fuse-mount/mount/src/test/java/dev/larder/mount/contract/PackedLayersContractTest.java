package dev.larder.mount.contract;

/** Small files from the catalog itself. */
final class PackedLayersContractTest extends LayersContractTest {
  PackedLayersContractTest() {
    super(true);
  }
}
