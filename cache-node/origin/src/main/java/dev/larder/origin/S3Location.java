package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.URI;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A bucket and a prefix. Canonical: {@code s3://bucket/prefix} at Amazon, whatever the region, and
 * {@code s3+https://host[:port]/bucket/prefix} elsewhere, so that no bucket's name can be mistaken
 * for a host's.
 *
 * @param endpoint where it is, when not at Amazon
 */
record S3Location(String bucket, ObjectUris uris, Optional<URI> endpoint) {
  private static final Pattern BUCKET =
      Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]");
  private static final Pattern OWN_HOST = Pattern.compile(".*\\.amazonaws\\.com(\\.cn)?");

  static S3Location parse(String uri, OptionReader options) {
    if (!uri.regionMatches(true, 0, "s3://", 0, 5)) {
      throw bad("it does not start with s3://");
    }
    String rest = uri.substring(5);
    int slash = rest.indexOf('/');
    String bucket = slash < 0 ? rest : rest.substring(0, slash);
    if (bucket.indexOf('@') >= 0) {
      throw bad("it holds credentials, which belong into option credentials as a reference");
    }
    if (!BUCKET.matcher(bucket).matches()) {
      throw bad("\"" + bucket + "\" is no bucket's name (3 to 63 letters, digits, dots, hyphens)");
    }
    String prefix = slash < 0 ? "" : ObjectUris.prefixOf(rest.substring(slash + 1));
    Optional<URI> endpoint = options.text("endpoint").map(text -> Endpoint.parse(text, false));
    String container =
        endpoint
            .filter(at -> !OWN_HOST.matcher(at.getHost().toLowerCase(Locale.ROOT)).matches())
            .map(at -> "s3+" + at.getScheme() + "://" + Endpoint.authority(at) + "/" + bucket)
            .orElse("s3://" + bucket);
    return new S3Location(bucket, new ObjectUris(container, prefix), endpoint);
  }

  private static LarderException bad(String why) {
    return new LarderException(
        ErrorCode.BAD_ORIGIN, "origin URI: expected s3://bucket/prefix, but " + why);
  }
}
