package dev.larder.origin;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.scheme.AuthSchemeOption;
import software.amazon.awssdk.http.auth.spi.signer.SignRequest;
import software.amazon.awssdk.http.auth.spi.signer.SignerProperty;
import software.amazon.awssdk.identity.spi.AwsCredentialsIdentity;
import software.amazon.awssdk.identity.spi.AwsSessionCredentialsIdentity;

/** Signs requests without a body (AWS Signature Version 4). Any thread. */
final class S3Signer {
  private static final String SESSION_TOKEN = "x-amz-s3session-token";

  private final AwsV4HttpSigner signer = AwsV4HttpSigner.create();
  // Caches and renews what it gives: it is asked for each request.
  private final AwsCredentialsProvider credentials;
  private final S3Sessions sessions;
  private final Redactor redactor;
  private final Clock own;
  private volatile Clock clock;
  private volatile @Nullable AwsCredentials hidden;

  S3Signer(
      AwsCredentialsProvider credentials, S3Sessions sessions, Redactor redactor, Timing timing) {
    this.credentials = credentials;
    this.sessions = sessions;
    this.redactor = redactor;
    InstantSource source = timing::now;
    own = source.withZone(ZoneOffset.UTC);
    clock = own;
  }

  /** Signs, where there are credentials to sign with; may fetch some. */
  SdkHttpRequest sign(SdkHttpRequest request, S3Endpoints.Target target, Watch watch)
      throws OriginFailure {
    AwsCredentials identity = credentials.resolveCredentials();
    if (identity.accessKeyId() == null) {
      return request; // anonymous
    }
    hide(identity);
    if (!target.isSession()) {
      return sign(request, target.scheme(), identity);
    }
    AwsSessionCredentialsIdentity session = sessions.current(watch);
    return sign(
        request.copy(r -> r.putHeader(SESSION_TOKEN, session.sessionToken())),
        target.scheme(),
        AwsCredentialsIdentity.create(session.accessKeyId(), session.secretAccessKey()));
  }

  private void hide(AwsCredentials identity) {
    if (!identity.equals(hidden)) {
      redactor.hide(identity.secretAccessKey());
      if (identity instanceof AwsSessionCredentialsIdentity temporary) {
        redactor.hide(temporary.sessionToken());
      }
      hidden = identity;
    }
  }

  private SdkHttpRequest sign(
      SdkHttpRequest request, AuthSchemeOption scheme, AwsCredentialsIdentity identity) {
    SignRequest.Builder<AwsCredentialsIdentity> sign =
        SignRequest.builder(identity)
            .request(request)
            .putProperty(AwsV4HttpSigner.SIGNING_CLOCK, clock);
    scheme.forEachSignerProperty(
        new AuthSchemeOption.SignerPropertyConsumer() {
          @Override
          public <T> void accept(SignerProperty<T> property, T value) {
            sign.putProperty(property, value);
          }
        });
    // The digest of nothing: cheap, and taken by servers that know no unsigned body.
    sign.putProperty(AwsV4HttpSigner.PAYLOAD_SIGNING_ENABLED, true);
    return signer.sign(sign.build()).request();
  }

  /**
   * Takes what a refusal says against the signature: that this machine's clock is wrong, or that a
   * session ended.
   *
   * @return whether asking again may help
   */
  boolean learn(S3Endpoints.Target asked, S3Error error) {
    switch (error.code()) {
      case "RequestTimeTooSkewed" -> {
        Optional<Instant> theirs = HttpStatuses.httpDate(error.date().orElse(null));
        theirs.ifPresent(time -> clock = Clock.offset(own, Duration.between(own.instant(), time)));
        return theirs.isPresent();
      }
      case "ExpiredToken" -> {
        sessions.drop();
        return asked.isSession();
      }
      default -> {
        return false;
      }
    }
  }
}
