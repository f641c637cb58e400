package dev.larder.store.rocks;

import java.nio.charset.StandardCharsets;

/** Column families of the index. Names are part of the on-disk format. */
public enum Family {
  /** Summary and cursors. */
  META("default"),
  /** Blob key to size, state, root, trust. */
  BLOB("blob"),
  /** Blob key and stripe to presence bitmap and block digests. */
  STRIPE("stripe"),
  /** Blob key to the bytes of a small blob. */
  SMALL("small"),
  /** Blob key and owner: a pin. */
  PIN("pin");

  private final String diskName;

  Family(String diskName) {
    this.diskName = diskName;
  }

  byte[] nameBytes() {
    return diskName.getBytes(StandardCharsets.UTF_8);
  }
}
