package dev.larder.origin;

import java.time.Duration;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.services.s3.S3Client;

/** Builds the SDK's clients: they neither retry nor check, as both are done here, once. */
final class S3Clients {
  // A connection that can't be made in this time will not be; a body may pause for longer.
  private static final Duration CONNECT_MAX = Duration.ofSeconds(5);
  // Beside reads, whose number is capped: one call each for a listing and a HEAD.
  private static final int SPARE_CONNECTIONS = 2;

  private S3Clients() {}

  static SdkHttpClient http(OriginLimits limits) {
    Duration deadline = limits.progressDeadline();
    return Apache5HttpClient.builder()
        .maxConnections(limits.connectionsMax() + SPARE_CONNECTIONS)
        .connectionTimeout(deadline.compareTo(CONNECT_MAX) < 0 ? deadline : CONNECT_MAX)
        // The watchdog is first; this is for a thread it cannot see.
        .socketTimeout(deadline.multipliedBy(2))
        .build();
  }

  /** The client over {@code http}, which stays the caller's to close. */
  static S3Client sdk(
      SdkHttpClient http,
      S3Location location,
      S3Endpoints endpoints,
      AwsCredentialsProvider credentials) {
    return S3Client.builder()
        .httpClient(new AbortableHttp(http))
        .credentialsProvider(credentials)
        .overrideConfiguration(o -> o.retryStrategy(AwsRetryStrategy.doNotRetry()))
        .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
        .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
        .endpointProvider(endpoints)
        .region(endpoints.target().region())
        .applyMutation(b -> location.endpoint().ifPresent(b::endpointOverride))
        .forcePathStyle(endpoints.isPathStyle())
        .fipsEnabled(endpoints.isFips())
        .dualstackEnabled(endpoints.isDualStack())
        .build();
  }
}
