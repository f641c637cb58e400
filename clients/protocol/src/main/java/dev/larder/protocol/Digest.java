package dev.larder.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * A SHA-256 digest: 32 bytes, ordered as unsigned bytes, printed as 64 lower-case hex characters.
 *
 * <p>Kept as four longs so that a list of digests costs no array per entry.
 */
public record Digest(long a, long b, long c, long d) implements Comparable<Digest> {

  /** Length of a digest in bytes. */
  public static final int BYTES = 32;

  private static final HexFormat HEX = HexFormat.of();

  /**
   * Wraps 32 bytes.
   *
   * @throws IllegalArgumentException if {@code bytes} is not 32 bytes long
   */
  public static Digest of(byte[] bytes) {
    if (bytes.length != BYTES) {
      throw new IllegalArgumentException("a digest has 32 bytes, got " + bytes.length);
    }
    return read(ByteBuffer.wrap(bytes));
  }

  /** Reads 32 bytes at the buffer's position and moves the position behind them. */
  public static Digest read(ByteBuffer source) {
    ByteBuffer big = source.duplicate().order(ByteOrder.BIG_ENDIAN);
    Digest digest = new Digest(big.getLong(), big.getLong(), big.getLong(), big.getLong());
    source.position(big.position());
    return digest;
  }

  /**
   * Parses 64 lower-case hex characters.
   *
   * @throws LarderException {@link ErrorCode#BAD_KEY} for anything else
   */
  public static Digest parse(CharSequence hex) {
    if (hex.length() != 2 * BYTES) {
      throw new LarderException(
          ErrorCode.BAD_KEY, "a digest has 64 hex characters, got " + hex.length());
    }
    for (int i = 0; i < hex.length(); i++) {
      char ch = hex.charAt(i);
      if (!(ch >= '0' && ch <= '9') && !(ch >= 'a' && ch <= 'f')) {
        throw new LarderException(
            ErrorCode.BAD_KEY, "a digest is lower-case hex, got character " + (int) ch);
      }
    }
    return of(HEX.parseHex(hex));
  }

  /** A fresh array of the 32 bytes. */
  public byte[] bytes() {
    byte[] out = new byte[BYTES];
    write(ByteBuffer.wrap(out));
    return out;
  }

  /** Writes 32 bytes at the buffer's position and moves the position behind them. */
  public void write(ByteBuffer target) {
    ByteBuffer big = target.duplicate().order(ByteOrder.BIG_ENDIAN);
    big.putLong(a).putLong(b).putLong(c).putLong(d);
    target.position(big.position());
  }

  /** 64 lower-case hex characters. */
  public String hex() {
    return HEX.formatHex(bytes());
  }

  @Override
  public int compareTo(Digest other) {
    int order = Long.compareUnsigned(a, other.a);
    order = order != 0 ? order : Long.compareUnsigned(b, other.b);
    order = order != 0 ? order : Long.compareUnsigned(c, other.c);
    return order != 0 ? order : Long.compareUnsigned(d, other.d);
  }

  @Override
  public String toString() {
    return hex();
  }
}
