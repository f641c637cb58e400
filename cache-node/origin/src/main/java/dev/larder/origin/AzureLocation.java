package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import java.net.URI;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A container and a prefix of an Azure storage account. Canonical is the container's own URL and
 * the prefix: {@code https://ACCOUNT.blob.core.windows.net/container/prefix}, or with another
 * endpoint {@code http://host[:port][/account]/container/prefix}.
 *
 * @param endpoint the account's blob endpoint, without a slash at its end; empty where only a
 *     connection string says it
 */
record AzureLocation(Optional<URI> endpoint, String container, String prefix) {
  private static final Pattern CONTAINER =
      Pattern.compile("\\$(root|web|logs)|[a-z0-9](-?[a-z0-9]){2,62}");
  // Blob and Data Lake endpoints of the public and the sovereign clouds, and OneLake.
  private static final Pattern HOST =
      Pattern.compile(
          "([a-z0-9-]{3,30})\\.(blob|dfs)\\.(core\\.(windows\\.net|chinacloudapi\\.cn"
              + "|usgovcloudapi\\.net)|fabric\\.microsoft\\.com)");

  static boolean isAzure(String uri) {
    int start = uri.indexOf("://") + 3;
    int end = uri.indexOf('/', start);
    String host = end < 0 ? uri.substring(start) : uri.substring(start, end);
    return HOST.matcher(host.toLowerCase(Locale.ROOT)).matches();
  }

  static AzureLocation parse(String uri, OptionReader options) {
    int start = uri.indexOf("://");
    if (start < 0) {
      throw bad("it lacks ://");
    }
    String scheme = uri.substring(0, start).toLowerCase(Locale.ROOT);
    String rest = uri.substring(start + 3);
    int slash = rest.indexOf('/');
    String head = slash < 0 ? rest : rest.substring(0, slash);
    String tail = slash < 0 ? "" : rest.substring(slash + 1);
    Optional<URI> given = options.text("endpoint").map(text -> Endpoint.parse(text, true));
    Optional<URI> byAccount = options.text("account").map(AzureLocation::ofAccount);
    return switch (scheme) {
      case "az" -> of(given.or(() -> byAccount), head, tail);
      case "abfs", "abfss" -> {
        int at = head.indexOf('@');
        if (at < 0) {
          throw bad("abfss needs container@account.dfs.core.windows.net");
        }
        yield of(
            given.or(() -> Optional.of(ofHost(head.substring(at + 1)))),
            head.substring(0, at),
            tail);
      }
      default -> {
        int second = tail.indexOf('/');
        String container = second < 0 ? tail : tail.substring(0, second);
        String prefix = second < 0 ? "" : tail.substring(second + 1);
        yield of(given.or(() -> Optional.of(ofHost(head))), container, prefix);
      }
    };
  }

  private static AzureLocation of(Optional<URI> endpoint, String container, String prefix) {
    if (!CONTAINER.matcher(container).matches()) {
      // A name with an @ or a colon may be a mistyped secret.
      throw bad(
          container.indexOf('@') >= 0 || container.indexOf(':') >= 0
              ? "the container's place holds credentials or a host"
              : "\""
                  + container
                  + "\" is no container's name (3 to 63 lower-case letters, digits, hyphens)");
    }
    return new AzureLocation(endpoint, container, ObjectUris.prefixOf(prefix));
  }

  private static URI ofAccount(String account) {
    if (!account.matches("[a-z0-9]{3,24}")) {
      throw OptionReader.bad("account", "a storage account (3 to 24 letters and digits)");
    }
    return URI.create("https://" + account + ".blob.core.windows.net");
  }

  private static URI ofHost(String host) {
    Matcher matcher = HOST.matcher(host.toLowerCase(Locale.ROOT));
    if (!matcher.matches()) {
      throw bad("its host is not ACCOUNT.blob.core.windows.net or ACCOUNT.dfs.core.windows.net");
    }
    return URI.create("https://" + matcher.group(1) + ".blob." + matcher.group(3));
  }

  /** URIs of objects, for an account's blob endpoint. */
  ObjectUris uris(URI account) {
    String path = account.getRawPath() == null ? "" : account.getRawPath();
    while (path.endsWith("/")) {
      path = path.substring(0, path.length() - 1);
    }
    return new ObjectUris(
        account.getScheme()
            + "://"
            + Endpoint.authority(account)
            + path
            + "/"
            + OriginKeys.encode(container),
        prefix);
  }

  private static LarderException bad(String why) {
    return new LarderException(
        ErrorCode.BAD_ORIGIN,
        "origin URI: expected az://container/prefix with option account,"
            + " https://ACCOUNT.blob.core.windows.net/container/prefix or"
            + " abfss://container@ACCOUNT.dfs.core.windows.net/prefix, but "
            + why);
  }
}
