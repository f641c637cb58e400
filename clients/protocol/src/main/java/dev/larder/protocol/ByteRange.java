package dev.larder.protocol;

/** A non-empty range of bytes: first offset and length, both in bytes. */
public record ByteRange(long offset, long length) {

  /** Checks that the range is not empty and does not overflow. */
  public ByteRange {
    if (offset < 0 || length <= 0 || offset > Long.MAX_VALUE - length) {
      throw new LarderException(
          ErrorCode.BAD_RANGE, "bad byte range: offset " + offset + ", length " + length);
    }
  }

  /** The first offset behind the range. */
  public long end() {
    return offset + length;
  }
}
