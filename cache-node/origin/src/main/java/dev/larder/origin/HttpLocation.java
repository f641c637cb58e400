package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * URLs in canonical form: scheme and host in lower case, no default port, the path in our
 * percent-encoding, the query as it is, no fragment. A signed URL is refused: its signature would
 * be written into catalogs, and it expires.
 */
final class HttpLocation {
  private static final Set<String> SECRET_PARAMETERS =
      Set.of(
          "x-amz-signature",
          "x-amz-credential",
          "x-amz-security-token",
          "x-goog-signature",
          "sig",
          "signature",
          "token",
          "access_token",
          "api_key",
          "apikey",
          "password");

  private HttpLocation() {}

  static URI parse(String text) {
    try {
      return canonical(new URI(text));
    } catch (URISyntaxException e) {
      // The text may hold credentials; the reason does not repeat it.
      throw bad("it is malformed at character " + e.getIndex() + ": " + e.getReason());
    }
  }

  static URI canonical(URI uri) {
    String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
    if (!scheme.equals("http") && !scheme.equals("https")) {
      throw bad("its scheme is not http or https");
    }
    if (uri.getHost() == null) {
      throw bad("it has no host");
    }
    if (uri.getRawUserInfo() != null) {
      throw bad("it holds credentials, which belong into option credentials as a reference");
    }
    refuseSecrets(uri.getRawQuery());
    String path = uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
    return URI.create(
        scheme
            + "://"
            + Endpoint.authority(uri)
            + recode(path)
            + (uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery()));
  }

  // Each component by itself, so that an encoded slash stays one.
  private static String recode(String path) {
    StringBuilder out = new StringBuilder();
    int start = 0;
    while (true) {
      int slash = path.indexOf('/', start);
      String component = slash < 0 ? path.substring(start) : path.substring(start, slash);
      String decoded = Names.decode("URL path", component);
      out.append(dev.larder.protocol.OriginKeys.encode(decoded).replace("/", "%2F"));
      if (slash < 0) {
        return out.toString();
      }
      out.append('/');
      start = slash + 1;
    }
  }

  private static void refuseSecrets(@Nullable String query) {
    if (query == null) {
      return;
    }
    for (String parameter : query.split("&", -1)) {
      String name = parameter.split("=", 2)[0].toLowerCase(Locale.ROOT);
      if (SECRET_PARAMETERS.contains(name)) {
        throw bad(
            "its query parameter "
                + name
                + " looks like a secret, which would be written into catalogs; give it as option"
                + " credentials");
      }
    }
  }

  private static LarderException bad(String why) {
    return new LarderException(
        ErrorCode.BAD_ORIGIN, "origin URI: expected http(s)://host/path, but " + why);
  }
}
