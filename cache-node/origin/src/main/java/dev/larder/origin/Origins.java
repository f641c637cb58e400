package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
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
   * @param memory asked whenever a secret is used, so that a new one is taken up
   */
  public static Origin open(
      String uri,
      OriginOptions options,
      OriginLimits limits,
      OriginMetrics metrics,
      SecretMemory memory) {
    return open(uri, options, OriginContext.of(limits, metrics, memory));
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
