package dev.larder.csi;

import java.util.regex.Pattern;

/** Ids of volumes: whoever asks chooses them, so they are checked and never become a path. */
final class VolumeIds {
  private static final int SHOWN_MAX = 80;
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9._@-]{1,128}");
  // How kubelet names a volume that stands in a pod's own definition.
  private static final Pattern INLINE = Pattern.compile("csi-[0-9a-f]{64}");

  private VolumeIds() {}

  /**
   * Checks an id.
   *
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT
   */
  static String checked(String id) {
    if (id.isEmpty()) {
      throw Statuses.invalid("volume_id is missing");
    }
    if (!ID.matcher(id).matches()) {
      throw Statuses.invalid(
          "volume_id \"" + shown(id) + "\" must be 1 to 128 of A-Z a-z 0-9 . _ @ -");
    }
    return id;
  }

  /** Whether kubelet made the id of a pod's inline volume. */
  static boolean isInline(String id) {
    return INLINE.matcher(id).matches();
  }

  /** A text of somebody else's, fit for a message: short, and without control characters. */
  static String shown(String text) {
    return printable(text.length() > SHOWN_MAX ? text.substring(0, SHOWN_MAX) + "…" : text);
  }

  /** A text without control characters. */
  static String printable(String text) {
    return text.codePoints()
        .map(c -> Character.isISOControl(c) || !Character.isDefined(c) ? '?' : c)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
