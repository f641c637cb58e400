package dev.larder.keeper.wire;

/** Who asks, and so what may be asked. */
public enum Role {
  /** Serves blobs, and orders mounts. One at a time. */
  AGENT(1),
  /** A command: looks at mounts and takes them away. */
  CLI(2),
  /** Another keeper, about to take over. */
  SUCCESSOR(3);

  private final int code;

  Role(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }
}
