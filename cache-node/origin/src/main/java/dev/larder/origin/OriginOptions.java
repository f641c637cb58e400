package dev.larder.origin;

import java.util.Map;

/**
 * What a dataset's definition says of its origin beside the URI. Option values are never secrets:
 * credentials are references ({@code env:NAME}, {@code file:/path}, {@code default}, {@code
 * anonymous}), resolved on the agent when the origin is opened.
 *
 * <p>Keys: {@code endpoint}, {@code region}, {@code path-style} (true|false), {@code versions}
 * (true|false: list and bind version ids), {@code credentials} (see above), {@code check-md5}
 * (true|false), {@code manifest} (http: true when the URL names a manifest), {@code account}
 * (Azure, with az://), {@code connection-string}, {@code account-key}, {@code sas} (Azure: each a
 * reference).
 */
public record OriginOptions(Map<String, String> values) {

  /** Copies the map. */
  public OriginOptions {
    values = Map.copyOf(values);
  }

  /** Whether MD5 checksums are to be checked (serial, about 0.7 GB/s a core). */
  public boolean checkMd5() {
    return Boolean.parseBoolean(values.getOrDefault("check-md5", "false"));
  }
}
