package dev.larder.origin;

import java.util.function.Function;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Calls through the SDK's client, whose pipeline costs more CPU than a small object's bytes: for
 * listings and sessions, whose answers it parses. Any thread.
 */
final class S3Sdk implements AutoCloseable {
  private final S3Client client;
  private final S3Endpoints endpoints;
  private final S3Errors errors;

  S3Sdk(S3Client client, S3Endpoints endpoints, S3Errors errors) {
    this.client = client;
    this.endpoints = endpoints;
    this.errors = errors;
  }

  /** Runs a call under a watch, again where the bucket turns out to be in another region. */
  <T> T call(Watch watch, String subject, Function<S3Client, T> call) throws OriginFailure {
    boolean again = false;
    while (true) {
      S3Endpoints.Target asked = endpoints.target();
      try {
        return ScopedValue.where(Watch.CURRENT, watch).call(() -> call.apply(client));
      } catch (SdkException e) {
        if (again
            || !(e instanceof AwsServiceException refusal)
            || !endpoints.learn(asked, S3Error.of(refusal))) {
          throw errors.map(subject, e);
        }
        again = true;
      } catch (IllegalStateException e) {
        throw errors.map(subject, e);
      }
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
