package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;

/** The option {@code endpoint}: where a provider's server is, when it is not the provider's own. */
final class Endpoint {
  private Endpoint() {}

  /**
   * Parses {@code http(s)://host[:port]} with an optional path.
   *
   * @throws LarderException BAD_ORIGIN
   */
  static URI parse(String text, boolean pathAllowed) {
    URI uri;
    try {
      uri = new URI(text);
    } catch (URISyntaxException e) {
      throw bad("it is not a URI");
    }
    String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
    if (!scheme.equals("http") && !scheme.equals("https")) {
      throw bad("its scheme is not http or https");
    }
    if (uri.getHost() == null) {
      throw bad("it has no host");
    }
    if (uri.getRawUserInfo() != null) {
      throw bad("it holds credentials, which belong into option credentials as a reference");
    }
    String path = uri.getRawPath() == null ? "" : uri.getRawPath();
    if (uri.getRawQuery() != null || uri.getRawFragment() != null) {
      throw bad("it has a query or fragment");
    }
    if (!pathAllowed && !path.isEmpty() && !path.equals("/")) {
      throw bad("it has a path");
    }
    while (path.endsWith("/")) {
      path = path.substring(0, path.length() - 1);
    }
    return URI.create(scheme + "://" + authority(uri) + path);
  }

  /** Host in lower case, and the port where it is not the scheme's own. */
  static String authority(URI uri) {
    String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
    int own = scheme.equals("https") ? 443 : 80;
    String host = String.valueOf(uri.getHost()).toLowerCase(Locale.ROOT);
    return uri.getPort() < 0 || uri.getPort() == own ? host : host + ":" + uri.getPort();
  }

  private static LarderException bad(String why) {
    return new LarderException(
        ErrorCode.BAD_ORIGIN, "option endpoint: expected http(s)://host[:port], but " + why);
  }
}
