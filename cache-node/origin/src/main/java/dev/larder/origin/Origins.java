package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Clock;
import java.util.List;
import java.util.Locale;

/**
 * Opens origins by URI:
 *
 * <ul>
 *   <li>{@code file:/dir}, {@code file:///dir} or an absolute path
 *   <li>{@code http://…}, {@code https://…}: one file, or a manifest with option {@code manifest}
 *   <li>{@code s3://bucket/prefix}
 *   <li>{@code az://container/prefix} with option {@code account}, {@code
 *       https://ACCOUNT.blob.core.windows.net/container/prefix}, {@code
 *       abfss://container@ACCOUNT.dfs.core.windows.net/prefix}
 * </ul>
 *
 * A prefix names a directory: {@code s3://b/p} holds what stands below {@code p/}. The README has
 * the canonical forms and the options.
 */
public final class Origins {
  private Origins() {}

  /** Opens an origin nobody counts. */
  public static Origin open(String uri, OriginOptions options, OriginLimits limits) {
    return open(uri, options, limits, OriginMetrics.NONE);
  }

  /**
   * Opens an origin; asks it for nothing yet, except that a directory must be there.
   *
   * @throws LarderException BAD_ORIGIN naming the field or option at fault and what is expected;
   *     ORIGIN_GONE or ORIGIN_DENIED for a directory that is missing or closed to us
   */
  public static Origin open(
      String uri, OriginOptions options, OriginLimits limits, OriginMetrics metrics) {
    return open(uri, options, limits, metrics, new SecretMemory(0));
  }

  /**
   * The same with secrets that options may refer to.
   *
   * <p>An origin whose secrets are not all here yet is opened at its first use when they are; until
   * then its calls end with a fault of {@link SecretMemory#lackBehind}.
   *
   * @param memory asked whenever a secret is used, so that a new one is taken up
   */
  public static Origin open(
      String uri,
      OriginOptions options,
      OriginLimits limits,
      OriginMetrics metrics,
      SecretMemory memory) {
    return open(uri, options, limits, metrics, memory, Clock.systemUTC());
  }

  /**
   * The same by another wall clock than the machine's, which may be wrong and may step: what is
   * signed by it and refused is signed again by the origin's.
   */
  public static Origin open(
      String uri,
      OriginOptions options,
      OriginLimits limits,
      OriginMetrics metrics,
      SecretMemory memory,
      Clock clock) {
    OriginContext context = OriginContext.of(limits, metrics, memory, clock);
    List<String> handed =
        options.values().values().stream()
            .filter(value -> value.startsWith(SecretMemory.SCHEME))
            .map(value -> value.substring(SecretMemory.SCHEME.length()))
            .sorted()
            .toList();
    return handed.isEmpty()
        ? open(uri, options, context)
        : new HandedOrigin(handed, memory, () -> open(uri, options, context));
  }

  static Origin open(String uri, OriginOptions options, OriginContext context) {
    if (uri.startsWith("/")) {
      return FileOrigin.open(uri, options, context);
    }
    int colon = uri.indexOf(':');
    String scheme = colon < 0 ? "" : uri.substring(0, colon).toLowerCase(Locale.ROOT);
    return switch (scheme) {
      case "file" -> FileOrigin.open(FileOrigin.pathOf(uri), options, context);
      case "s3" -> S3Origin.open(uri, options, context);
      case "http", "https" ->
          AzureLocation.isAzure(uri)
              ? AzureOrigin.open(uri, options, context)
              : HttpOrigin.open(uri, options, context);
      case "az", "abfs", "abfss" -> AzureOrigin.open(uri, options, context);
      default ->
          throw new LarderException(
              ErrorCode.BAD_ORIGIN,
              "origin URI"
                  + Redactor.shownUri(uri)
                  + ": its scheme must be one of file, http, https, s3, az, abfss, or it must be"
                  + " an absolute path");
    };
  }
}
