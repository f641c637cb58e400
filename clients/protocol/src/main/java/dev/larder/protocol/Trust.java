package dev.larder.protocol;

/** What a sealed blob's bytes stand on. */
public enum Trust {
  /** The whole content matched the key's digest or the origin's own checksum. */
  VERIFIED((byte) 1),
  /**
   * The origin publishes no checksum; the bytes came over its connection bound to one version, and
   * the member that fetched them vouches for them.
   */
  ATTESTED((byte) 2);

  private final byte code;

  Trust(byte code) {
    this.code = code;
  }

  /** The byte that stands for this in binary formats. */
  public byte code() {
    return code;
  }

  /** The trust for a stored byte. */
  public static Trust ofCode(byte code) {
    for (Trust trust : values()) {
      if (trust.code == code) {
        return trust;
      }
    }
    throw new LarderException(ErrorCode.STORE_CORRUPT, "unknown trust code " + code);
  }
}
