package dev.larder.origin;

import java.time.Duration;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.AwsProfileRegionProvider;
import software.amazon.awssdk.regions.providers.AwsRegionProviderChain;
import software.amazon.awssdk.regions.providers.SystemSettingsRegionProvider;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;

/** Builds the SDK's client: it neither retries nor checks, as both are done here, once. */
final class S3Clients {
  // A connection that can't be made in this time will not be; a body may pause for longer.
  private static final Duration CONNECT_MAX = Duration.ofSeconds(5);
  // Beside reads, whose number is capped: one call each for a listing and a HEAD.
  private static final int SPARE_CONNECTIONS = 2;

  private S3Clients() {}

  static S3Client create(
      S3Location location,
      OptionReader options,
      AwsCredentialsProvider credentials,
      OriginLimits limits) {
    Duration deadline = limits.progressDeadline();
    S3ClientBuilder builder =
        S3Client.builder()
            .httpClient(
                new AbortableHttp(
                    ApacheHttpClient.builder()
                        .maxConnections(limits.connectionsMax() + SPARE_CONNECTIONS)
                        .connectionTimeout(
                            deadline.compareTo(CONNECT_MAX) < 0 ? deadline : CONNECT_MAX)
                        // The watchdog is first; this is for a thread it cannot see.
                        .socketTimeout(deadline.multipliedBy(2))
                        .build()))
            .credentialsProvider(credentials)
            .overrideConfiguration(o -> o.retryStrategy(AwsRetryStrategy.doNotRetry()))
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED);
    boolean custom = location.endpoint().isPresent();
    location.endpoint().ifPresent(builder::endpointOverride);
    boolean pathStyle =
        options.text("path-style").isPresent() ? options.flag("path-style") : custom;
    builder.forcePathStyle(pathStyle);
    Optional<Region> region = options.text("region").map(S3Clients::region);
    builder.region(region.orElseGet(S3Clients::defaultRegion));
    if (!custom && region.isEmpty()) {
      builder.crossRegionAccessEnabled(true);
    }
    return builder.build();
  }

  private static Region region(String text) {
    if (!text.matches("[A-Za-z0-9-]{1,63}")) {
      throw OptionReader.bad("region", "a region such as eu-central-1");
    }
    return Region.of(text);
  }

  private static Region defaultRegion() {
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
