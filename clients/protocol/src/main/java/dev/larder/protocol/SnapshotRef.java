package dev.larder.protocol;

import java.util.OptionalLong;

/**
 * Names a dataset and perhaps one of its snapshots: {@code name} (the newest) or {@code name@3}.
 * Snapshots count up from 1.
 */
public record SnapshotRef(DatasetName dataset, OptionalLong snapshot) {

  /** Parses {@code name} or {@code name@number}; {@link ErrorCode#BAD_NAME} otherwise. */
  public static SnapshotRef parse(String text) {
    int at = text.indexOf('@');
    if (at < 0) {
      return new SnapshotRef(new DatasetName(text), OptionalLong.empty());
    }
    DatasetName name = new DatasetName(text.substring(0, at));
    String digits = text.substring(at + 1);
    boolean plain = !digits.isEmpty() && digits.length() <= 18 && digits.charAt(0) != '0';
    for (int i = 0; i < digits.length(); i++) {
      plain &= digits.charAt(i) >= '0' && digits.charAt(i) <= '9';
    }
    if (!plain) {
      throw new LarderException(
          ErrorCode.BAD_NAME, "snapshot of \"" + name + "\" must be a number from 1, as in name@3");
    }
    return new SnapshotRef(name, OptionalLong.of(Long.parseLong(digits)));
  }

  @Override
  public String toString() {
    return snapshot.isPresent() ? dataset + "@" + snapshot.getAsLong() : dataset.toString();
  }
}
