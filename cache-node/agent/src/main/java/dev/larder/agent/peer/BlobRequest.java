package dev.larder.agent.peer;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a member wants of a blob.
 *
 * @param stripe whose digests are wanted, -1 for bytes
 * @param first first byte wanted
 * @param last last byte wanted, inclusive
 * @param isListKnown whether it knows the digests of all stripes
 */
record BlobRequest(BlobKey key, int stripe, long first, long last, boolean isListKnown) {
  private static final Pattern DIGESTS = Pattern.compile("([^/?]+)/digests\\?stripe=(\\d{1,9})");
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d{1,18})-(\\d{1,18})");

  /**
   * Parses what stands behind {@code /peer/v1/blobs/}.
   *
   * @throws LarderException BAD_KEY, BAD_RANGE
   */
  static BlobRequest parse(String path, String range, boolean isListKnown) {
    Matcher digests = DIGESTS.matcher(path);
    if (digests.matches()) {
      return new BlobRequest(
          BlobKey.parse(digests.group(1)), Integer.parseInt(digests.group(2)), 0, 0, isListKnown);
    }
    BlobKey key = BlobKey.parse(path);
    Matcher bytes = RANGE.matcher(range);
    if (!bytes.matches()) {
      throw new LarderException(ErrorCode.BAD_RANGE, "members ask for one range, first-last");
    }
    return new BlobRequest(
        key, -1, Long.parseLong(bytes.group(1)), Long.parseLong(bytes.group(2)), false);
  }

  boolean isDigests() {
    return stripe >= 0;
  }
}
