package dev.larder.protocol;

import java.nio.charset.StandardCharsets;

/**
 * Encodings of what an origin calls its objects: percent-encoded canonical URIs and the blob key of
 * one version of one object. Fixed for ever.
 */
public final class OriginKeys {
  private static final String HEADER = "larder-origin-1\n";
  private static final String UPPER_HEX = "0123456789ABCDEF";

  private OriginKeys() {}

  /**
   * The key of an object's version: SHA-256 of {@code larder-origin-1\n<uri>\n<version>\n<size>\n}.
   *
   * @param canonicalUri scheme, endpoint host where it is not the provider's own, bucket or
   *     container, name percent-encoded by {@link #encode}
   * @param versionToken what the listing gives: version id only where the dataset lists versions,
   *     else the ETag without quotes or {@code W/}, else the time of last change (local files: ns)
   * @param sizeBytes the object's size
   * @throws LarderException {@link ErrorCode#BAD_ORIGIN} if URI or token hold a line break, as two
   *     objects could then share a key
   */
  public static BlobKey key(String canonicalUri, String versionToken, long sizeBytes) {
    if (canonicalUri.indexOf('\n') >= 0 || versionToken.indexOf('\n') >= 0) {
      throw new LarderException(
          ErrorCode.BAD_ORIGIN, "an origin URI or version token holds a line break");
    }
    String text = HEADER + canonicalUri + '\n' + versionToken + '\n' + sizeBytes + '\n';
    return BlobKey.origin(Digests.ofBytes(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Percent-encodes a name: unreserved characters and {@code /} stay, the rest is %XX of UTF-8. */
  public static String encode(String name) {
    byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
    StringBuilder out = new StringBuilder(utf8.length + 16);
    for (byte b : utf8) {
      char ch = (char) (b & 0xff);
      if (isUnreserved(ch) || ch == '/') {
        out.append(ch);
      } else {
        out.append('%').append(UPPER_HEX.charAt(ch >> 4)).append(UPPER_HEX.charAt(ch & 15));
      }
    }
    return out.toString();
  }

  /** An ETag header's value as a version token: without {@code W/} and quotes. */
  public static String versionOfEtag(String etag) {
    String token = etag.strip();
    if (token.startsWith("W/")) {
      token = token.substring(2);
    }
    if (token.length() >= 2 && token.startsWith("\"") && token.endsWith("\"")) {
      token = token.substring(1, token.length() - 1);
    }
    return token;
  }

  private static boolean isUnreserved(char ch) {
    return (ch >= 'a' && ch <= 'z')
        || (ch >= 'A' && ch <= 'Z')
        || (ch >= '0' && ch <= '9')
        || ch == '-'
        || ch == '.'
        || ch == '_'
        || ch == '~';
  }
}
