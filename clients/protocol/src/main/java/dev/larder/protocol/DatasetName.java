package dev.larder.protocol;

/**
 * A dataset's name: a DNS label (RFC 1123), 1 to 63 characters of a-z, 0-9 and '-', not at either
 * end '-'.
 */
public record DatasetName(String text) implements Comparable<DatasetName> {

  /** Checks the name; {@link ErrorCode#BAD_NAME} says what is wrong with it. */
  public DatasetName {
    if (text.isEmpty() || text.length() > 63) {
      throw bad(text, "must have 1 to 63 characters");
    }
    for (int i = 0; i < text.length(); i++) {
      char ch = text.charAt(i);
      boolean inner = i > 0 && i < text.length() - 1;
      boolean letterOrDigit = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9');
      if (!letterOrDigit && !(ch == '-' && inner)) {
        throw bad(text, "may hold a-z, 0-9 and inner '-' only");
      }
    }
  }

  private static LarderException bad(String text, String rule) {
    String shown = text.length() > 80 ? text.substring(0, 80) + "…" : text;
    return new LarderException(ErrorCode.BAD_NAME, "dataset name \"" + shown + "\" " + rule);
  }

  @Override
  public int compareTo(DatasetName other) {
    return text.compareTo(other.text);
  }

  @Override
  public String toString() {
    return text;
  }
}
