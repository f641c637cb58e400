package dev.larder.protocol;

/**
 * Names a blob: by its content where the content's SHA-256 is known before the download, else by
 * its origin (URI, version token, size). Two versions of an object are two keys.
 *
 * <p>In URLs, the CLI and JSON a key is {@code sha256:<hex>} or {@code origin:<hex>}; on disk it is
 * {@code <first 2 hex>/sha256-<hex>} or {@code <first 2 hex>/origin-<hex>}. Ordered by kind, then
 * digest.
 */
public record BlobKey(Kind kind, Digest digest) implements Comparable<BlobKey> {

  /** What the digest was taken of. The ordinal is not stored; {@link #code} is. */
  public enum Kind {
    /** Digest of the blob's bytes. */
    SHA256("sha256", (byte) 1),
    /** Digest of where the bytes come from, see {@link OriginKeys}. */
    ORIGIN("origin", (byte) 2);

    private final String word;
    private final byte code;

    Kind(String word, byte code) {
      this.word = word;
      this.code = code;
    }

    /** The word before the colon. */
    public String word() {
      return word;
    }

    /** The byte that stands for this kind in binary formats. */
    public byte code() {
      return code;
    }

    /**
     * The kind for a stored byte.
     *
     * @throws LarderException {@link ErrorCode#BAD_KEY} if there is none
     */
    public static Kind ofCode(byte code) {
      for (Kind kind : values()) {
        if (kind.code == code) {
          return kind;
        }
      }
      throw new LarderException(ErrorCode.BAD_KEY, "unknown kind of blob key: " + code);
    }
  }

  /** Length of {@link #binary}. */
  public static final int BINARY_BYTES = 1 + Digest.BYTES;

  /** Key of content whose digest is known. */
  public static BlobKey sha256(Digest digest) {
    return new BlobKey(Kind.SHA256, digest);
  }

  /** Key of an object's version at an origin. */
  public static BlobKey origin(Digest digest) {
    return new BlobKey(Kind.ORIGIN, digest);
  }

  /**
   * Parses {@code sha256:<hex>} or {@code origin:<hex>}.
   *
   * @throws LarderException {@link ErrorCode#BAD_KEY} for anything else
   */
  public static BlobKey parse(String text) {
    return parse(text, ':');
  }

  /**
   * Parses the disk form with or without its folder: {@code ab/sha256-<hex>} or {@code
   * sha256-<hex>}.
   *
   * @throws LarderException {@link ErrorCode#BAD_KEY} for anything else
   */
  public static BlobKey parseDiskName(String name) {
    if (name.length() > 3 && name.charAt(2) == '/') {
      BlobKey key = parse(name.substring(3), '-');
      if (!key.folder().equals(name.substring(0, 2))) {
        throw new LarderException(ErrorCode.BAD_KEY, "blob key stands in a foreign folder");
      }
      return key;
    }
    return parse(name, '-');
  }

  /** Reads the form {@link #binary} writes. */
  public static BlobKey ofBinary(byte[] bytes) {
    if (bytes.length != BINARY_BYTES) {
      throw new LarderException(
          ErrorCode.BAD_KEY, "a binary blob key has 33 bytes, got " + bytes.length);
    }
    return new BlobKey(
        Kind.ofCode(bytes[0]), Digest.read(java.nio.ByteBuffer.wrap(bytes, 1, Digest.BYTES)));
  }

  /** 33 bytes: the kind's code, then the digest. Sorts like the key. */
  public byte[] binary() {
    java.nio.ByteBuffer out = java.nio.ByteBuffer.allocate(BINARY_BYTES).put(kind.code());
    digest.write(out);
    return out.array();
  }

  /** The first two hex characters: the folder of the key on disk. */
  public String folder() {
    return digest.hex().substring(0, 2);
  }

  /** File name of the key on disk, without the folder. */
  public String fileName() {
    return kind.word() + '-' + digest.hex();
  }

  /** Folder and file name, joined by a slash: the relative path on disk and in redirects. */
  public String diskName() {
    return folder() + '/' + fileName();
  }

  @Override
  public int compareTo(BlobKey other) {
    int order = Byte.compare(kind.code(), other.kind.code());
    return order != 0 ? order : digest.compareTo(other.digest);
  }

  @Override
  public String toString() {
    return kind.word() + ':' + digest.hex();
  }

  private static BlobKey parse(String text, char separator) {
    for (Kind kind : Kind.values()) {
      int length = kind.word.length();
      if (text.length() > length
          && text.startsWith(kind.word)
          && text.charAt(length) == separator) {
        return new BlobKey(kind, Digest.parse(text.substring(length + 1)));
      }
    }
    throw new LarderException(
        ErrorCode.BAD_KEY,
        "a blob key is sha256" + separator + "<64 hex> or origin" + separator + "<64 hex>");
  }
}
