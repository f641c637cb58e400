package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;

/** The one mapper from what S3 answers and what the SDK throws to error codes. Any thread. */
final class S3Errors {
  private final Redactor redactor;
  private final Timing timing;

  S3Errors(Redactor redactor, Timing timing) {
    this.redactor = redactor;
    this.timing = timing;
  }

  OriginFailure map(String subject, SdkException e) {
    if (e instanceof AwsServiceException service) {
      return failure(subject, S3Error.of(service)).because(redactor.cause(e));
    }
    String message = redactor.text(e.getMessage());
    if (message.contains("Unable to load credentials")) {
      return OriginFailure.lasting(
              ErrorCode.ORIGIN_DENIED,
              subject
                  + ": no AWS credentials found in the environment, ~/.aws, a web identity or the"
                  + " metadata of container and host; set option credentials (profile:NAME,"
                  + " env:NAME or file:/path), or anonymous for a public bucket")
          .because(redactor.cause(e));
    }
    // A reference that leads to nothing any more speaks for itself.
    for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
      if (cause instanceof LarderException ours) {
        throw ours;
      }
    }
    return OriginFailure.passing(ErrorCode.ORIGIN_UNAVAILABLE, subject + ": " + message)
        .because(redactor.cause(e));
  }

  OriginFailure map(String subject, IOException e) {
    return OriginFailure.passing(
            ErrorCode.ORIGIN_UNAVAILABLE,
            subject + ": " + redactor.text(e.getClass().getSimpleName() + " " + e.getMessage()))
        .because(redactor.cause(e));
  }

  /** The client was closed under the call. */
  OriginFailure map(String subject, IllegalStateException e) {
    return OriginFailure.lasting(ErrorCode.CLOSED, subject + ": " + redactor.text(e.getMessage()))
        .because(redactor.cause(e));
  }

  /** What a refusal means. */
  OriginFailure failure(String subject, S3Error error) {
    String message =
        redactor.text(
            subject
                + ": status "
                + error.status()
                + (error.code().isEmpty() ? "" : " " + error.code())
                + (error.message().isEmpty() ? "" : ": " + error.message()));
    return switch (error.code()) {
      case "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed" ->
          OriginFailure.lasting(ErrorCode.ORIGIN_GONE, message);
      case "ExpiredToken",
          "InvalidToken",
          "InvalidAccessKeyId",
          "SignatureDoesNotMatch",
          "AccessDenied" ->
          OriginFailure.lasting(ErrorCode.ORIGIN_DENIED, message);
      case "InvalidObjectState" ->
          OriginFailure.lasting(ErrorCode.ORIGIN_DENIED, message + " (the object is archived)");
      case "PermanentRedirect", "AuthorizationHeaderMalformed" ->
          OriginFailure.lasting(ErrorCode.BAD_ORIGIN, message + " (check option region)");
      case "RequestTimeout", "SlowDown", "InternalError" ->
          OriginFailure.passing(ErrorCode.ORIGIN_UNAVAILABLE, message)
              .after(HttpStatuses.retryAfter(error.retryAfter().orElse(null), timing.now()));
      default ->
          HttpStatuses.failure(
              error.status(), message, error.retryAfter().orElse(null), timing.now());
    };
  }
}
