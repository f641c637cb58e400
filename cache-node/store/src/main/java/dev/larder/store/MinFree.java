package dev.larder.store;

import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;

/**
 * What of a volume is left free for others.
 *
 * @param bytes so many; where there is a percentage at least so many
 * @param percent of the volume's size, 0 to 99
 */
public record MinFree(long bytes, int percent) {
  private static final String KEY = "store.disk-min-free";
  private static final long GIB = 1L << 30;
  private static final int PERCENT_MAX = 99;

  /** 10 % of the volume, at least 1 GiB. */
  public static final MinFree DEFAULT = new MinFree(GIB, 10);

  /** Checks both. */
  public MinFree {
    if (bytes < 0 || percent < 0 || percent > PERCENT_MAX) {
      throw bad(bytes + " bytes, " + percent + " %");
    }
  }

  /** So many bytes. */
  public static MinFree ofBytes(long bytes) {
    return new MinFree(bytes, 0);
  }

  /**
   * Reads a size such as {@code 10GiB}, or a part of the volume such as {@code 20%}, which means at
   * least 1 GiB.
   *
   * @throws LarderException BAD_CONFIG
   */
  public static MinFree parse(String text) {
    if (!text.endsWith("%")) {
      return ofBytes(DataSize.parse(KEY, text));
    }
    try {
      int percent = Integer.parseInt(text.substring(0, text.length() - 1).strip());
      if (percent < 0 || percent > PERCENT_MAX) {
        throw bad(text);
      }
      return new MinFree(GIB, percent);
    } catch (NumberFormatException e) {
      throw bad(text);
    }
  }

  /** Bytes for a volume of this size. */
  long of(long volumeBytes) {
    return percent == 0 ? bytes : Math.max(bytes, volumeBytes / 100 * percent);
  }

  private static LarderException bad(String value) {
    return new LarderException(
        ErrorCode.BAD_CONFIG,
        KEY
            + ": \""
            + value
            + "\" is neither a size such as 10GiB nor a whole part of the volume, 0% to "
            + PERCENT_MAX
            + "%");
  }
}
