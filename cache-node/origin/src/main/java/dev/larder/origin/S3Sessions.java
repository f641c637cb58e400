package dev.larder.origin;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.identity.spi.AwsSessionCredentialsIdentity;
import software.amazon.awssdk.services.s3.model.SessionCredentials;

/**
 * Credentials of a directory bucket's sessions, which last for some minutes. Any thread; a caller
 * who finds none asks for one itself.
 */
final class S3Sessions {
  // So long before its end a session is renewed by one caller, while others still use it.
  private static final Duration EARLY = Duration.ofSeconds(60);

  private final S3Location location;
  private final S3Sdk sdk;
  private final Redactor redactor;
  private final Timing timing;
  private final AtomicBoolean renewing = new AtomicBoolean();
  private volatile @Nullable Session session;

  private record Session(AwsSessionCredentialsIdentity credentials, Instant end) {}

  S3Sessions(S3Location location, S3Sdk sdk, Redactor redactor, Timing timing) {
    this.location = location;
    this.sdk = sdk;
    this.redactor = redactor;
    this.timing = timing;
  }

  AwsSessionCredentialsIdentity current(Watch watch) throws OriginFailure {
    Session now = session;
    Instant time = timing.now();
    if (now == null || !time.isBefore(now.end())) {
      return create(watch);
    }
    if (time.isBefore(now.end().minus(EARLY)) || !renewing.compareAndSet(false, true)) {
      return now.credentials();
    }
    try {
      return create(watch);
    } finally {
      renewing.set(false);
    }
  }

  /** A session the server no longer takes is not used again. */
  void drop() {
    session = null;
  }

  private AwsSessionCredentialsIdentity create(Watch watch) throws OriginFailure {
    SessionCredentials created =
        sdk.call(
            watch,
            location.uris().root(),
            client ->
                client.createSession(request -> request.bucket(location.bucket())).credentials());
    redactor.hide(created.secretAccessKey());
    redactor.hide(created.sessionToken());
    AwsSessionCredentialsIdentity credentials =
        AwsSessionCredentialsIdentity.create(
            created.accessKeyId(), created.secretAccessKey(), created.sessionToken());
    session = new Session(credentials, created.expiration());
    return credentials;
  }
}
