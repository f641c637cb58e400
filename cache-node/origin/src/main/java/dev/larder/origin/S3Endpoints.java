package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.URI;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import software.amazon.awssdk.awscore.endpoint.DualstackEnabledProvider;
import software.amazon.awssdk.awscore.endpoint.FipsEnabledProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.endpoints.Endpoint;
import software.amazon.awssdk.http.auth.spi.scheme.AuthSchemeOption;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.AwsProfileRegionProvider;
import software.amazon.awssdk.regions.providers.AwsRegionProviderChain;
import software.amazon.awssdk.regions.providers.SystemSettingsRegionProvider;
import software.amazon.awssdk.services.s3.auth.scheme.S3AuthSchemeParams;
import software.amazon.awssdk.services.s3.auth.scheme.S3AuthSchemeProvider;
import software.amazon.awssdk.services.s3.endpoints.S3EndpointParams;
import software.amazon.awssdk.services.s3.endpoints.S3EndpointProvider;

/**
 * Where a bucket is and how requests for it are signed: by the SDK's own rules, for our requests
 * and for those of the SDK's client alike. Where the dataset names no region, the one that the
 * server names is remembered. Any thread.
 */
final class S3Endpoints implements S3EndpointProvider {
  private static final Pattern REGION = Pattern.compile("[A-Za-z0-9-]{1,63}");
  private static final S3EndpointProvider RULES = S3EndpointProvider.defaultProvider();

  private final S3Location location;
  private final boolean pathStyle;
  private final boolean fips;
  private final boolean dualStack;
  private final boolean regionGiven;
  private volatile Target target;

  /**
   * One place, and the way to sign for it.
   *
   * @param base URL of the bucket
   * @param scheme name and properties of the signature
   */
  record Target(Region region, URI base, AuthSchemeOption scheme) {
    /** Whether requests are signed with the credentials of a session (directory buckets). */
    boolean isSession() {
      return scheme.schemeId().equals("aws.auth#sigv4-s3express");
    }
  }

  /**
   * Reads the options {@code region} and {@code path-style}.
   *
   * @throws LarderException BAD_ORIGIN
   */
  S3Endpoints(S3Location location, OptionReader options) {
    this.location = location;
    pathStyle =
        options.text("path-style").isPresent()
            ? options.flag("path-style")
            : location.endpoint().isPresent();
    Supplier<ProfileFile> profiles = ProfileFile::defaultProfileFile;
    fips =
        FipsEnabledProvider.builder().profileFile(profiles).build().isFipsEnabled().orElse(false);
    dualStack =
        DualstackEnabledProvider.builder()
            .profileFile(profiles)
            .build()
            .isDualstackEnabled()
            .orElse(false);
    regionGiven = options.text("region").isPresent();
    target = resolve(options.text("region").map(S3Endpoints::given).orElseGet(S3Endpoints::usual));
  }

  Target target() {
    return target;
  }

  boolean isPathStyle() {
    return pathStyle;
  }

  boolean isFips() {
    return fips;
  }

  boolean isDualStack() {
    return dualStack;
  }

  /**
   * Takes the bucket's region from a refusal.
   *
   * @param asked where the request that was refused had gone
   * @return whether asking again may help
   */
  boolean learn(Target asked, S3Error error) {
    String named = error.region().orElse("");
    if (regionGiven || !REGION.matcher(named).matches()) {
      return false;
    }
    Region region = Region.of(named);
    if (region.equals(asked.region())) {
      return false;
    }
    if (!region.equals(target.region())) {
      target = resolve(region);
    }
    return true;
  }

  /** For the SDK's client. */
  @Override
  public CompletableFuture<Endpoint> resolveEndpoint(S3EndpointParams params) {
    // Not the SDK's idea of an endpoint: what AWS_ENDPOINT_URL names would come under keys that say
    // Amazon.
    String endpoint = location.endpoint().map(URI::toString).orElse(null);
    return RULES.resolveEndpoint(
        params.toBuilder().region(target.region()).endpoint(endpoint).build());
  }

  private Target resolve(Region region) {
    S3EndpointParams params = params(region).build();
    try {
      return new Target(
          region,
          RULES.resolveEndpoint(params).join().url(),
          S3AuthSchemeProvider.defaultProvider()
              .resolveAuthScheme(
                  S3AuthSchemeParams.fromEndpointParams(params).operation("GetObject").build())
              .getFirst());
    } catch (CompletionException | SdkClientException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new LarderException(
          ErrorCode.BAD_ORIGIN,
          location.uris().root()
              + " has no endpoint in region "
              + region
              + ": "
              + cause.getMessage(),
          cause);
    }
  }

  private S3EndpointParams.Builder params(Region region) {
    S3EndpointParams.Builder params =
        S3EndpointParams.builder()
            .bucket(location.bucket())
            .region(region)
            .forcePathStyle(pathStyle)
            .useFips(fips)
            .useDualStack(dualStack);
    location.endpoint().ifPresent(uri -> params.endpoint(uri.toString()));
    return params;
  }

  private static Region given(String text) {
    if (!REGION.matcher(text).matches()) {
      throw OptionReader.bad("region", "a region such as eu-central-1");
    }
    return Region.of(text);
  }

  private static Region usual() {
    try {
      // Not the instance's metadata service: where there is none, asking takes seconds.
      return new AwsRegionProviderChain(
              new SystemSettingsRegionProvider(), new AwsProfileRegionProvider())
          .getRegion();
    } catch (SdkClientException none) {
      // Any region finds the bucket's own; servers elsewhere take this one.
      return Region.US_EAST_1;
    }
  }
}
