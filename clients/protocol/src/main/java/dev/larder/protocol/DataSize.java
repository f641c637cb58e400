package dev.larder.protocol;

import java.util.Locale;

/** Parses and prints sizes such as {@code 512MiB}, {@code 10GB}, {@code 4096}. */
public final class DataSize {
  private static final String[] BINARY = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  private static final String[] DECIMAL = {"B", "kB", "MB", "GB", "TB", "PB"};

  private DataSize() {}

  /**
   * Bytes of a size: digits, then nothing, B, KiB…PiB (powers of 1024) or kB…PB (powers of 1000).
   *
   * @param field named in the error
   * @throws LarderException {@link ErrorCode#BAD_CONFIG}
   */
  public static long parse(String field, String text) {
    String trimmed = text.strip();
    int digits = 0;
    while (digits < trimmed.length() && Character.isDigit(trimmed.charAt(digits))) {
      digits++;
    }
    String unit = trimmed.substring(digits).strip();
    try {
      long number = Long.parseLong(trimmed.substring(0, digits));
      for (int i = 0; i < BINARY.length; i++) {
        if (unit.equals(BINARY[i]) || (i == 0 && unit.isEmpty())) {
          return Math.multiplyExact(number, 1L << (10 * i));
        }
        if (unit.equalsIgnoreCase(DECIMAL[i])) {
          return Math.multiplyExact(number, (long) Math.pow(1000, i));
        }
      }
    } catch (NumberFormatException | ArithmeticException e) {
      throw bad(field, text);
    }
    throw bad(field, text);
  }

  /** A size for people, three digits and a binary unit: {@code 1.50 GiB}. */
  public static String human(long bytes) {
    double value = bytes;
    int unit = 0;
    while (Math.abs(value) >= 1024 && unit < BINARY.length - 1) {
      value /= 1024;
      unit++;
    }
    if (unit == 0) {
      return bytes + " B";
    }
    String format = value >= 100 ? "%.0f %s" : value >= 10 ? "%.1f %s" : "%.2f %s";
    return String.format(Locale.ROOT, format, value, BINARY[unit]);
  }

  private static LarderException bad(String field, String text) {
    return new LarderException(
        ErrorCode.BAD_CONFIG, field + ": \"" + text + "\" is not a size such as 512MiB or 10GB");
  }
}
