package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;

/** The one mapper from what the AWS SDK throws to error codes. */
final class S3Errors {
  private final Redactor redactor;
  private final Timing timing;

  S3Errors(Redactor redactor, Timing timing) {
    this.redactor = redactor;
    this.timing = timing;
  }

  /** A call of the SDK. */
  @FunctionalInterface
  interface Call<T> {
    T run() throws IOException;
  }

  /** Runs a call under a watch. */
  <T> T run(Watch watch, String subject, Call<T> call) throws OriginFailure {
    try {
      return ScopedValue.where(AbortableHttp.WATCH, watch).call(call::run);
    } catch (SdkException e) {
      throw map(subject, e);
    } catch (IOException e) {
      throw OriginFailure.passing(
              ErrorCode.ORIGIN_UNAVAILABLE, subject + ": " + redactor.text(e.getMessage()))
          .because(redactor.cause(e));
    } catch (IllegalStateException e) {
      throw mapClosed(subject, e);
    }
  }

  OriginFailure map(String subject, SdkException e) {
    if (e instanceof AwsServiceException service) {
      return mapService(subject, service).because(redactor.cause(e));
    }
    String message = redactor.text(e.getMessage());
    if (message.contains("Unable to load credentials")) {
      return OriginFailure.lasting(
              ErrorCode.ORIGIN_DENIED,
              subject
                  + ": no credentials found (set option credentials, or anonymous for a public"
                  + " bucket): "
                  + message)
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

  private OriginFailure mapService(String subject, AwsServiceException e) {
    AwsErrorDetails details = e.awsErrorDetails();
    String code = details == null || details.errorCode() == null ? "" : details.errorCode();
    String message =
        subject
            + ": status "
            + e.statusCode()
            + (code.isEmpty() ? "" : " " + code)
            + (details == null || details.errorMessage() == null
                ? ""
                : ": " + redactor.text(details.errorMessage()));
    return switch (code) {
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
          OriginFailure.passing(ErrorCode.ORIGIN_UNAVAILABLE, message).after(wait(details));
      default -> HttpStatuses.failure(e.statusCode(), message, retryAfter(details), timing.now());
    };
  }

  private java.util.Optional<java.time.Duration> wait(AwsErrorDetails details) {
    return HttpStatuses.retryAfter(retryAfter(details), timing.now());
  }

  private static @org.jspecify.annotations.Nullable String retryAfter(
      @org.jspecify.annotations.Nullable AwsErrorDetails details) {
    if (details == null || details.sdkHttpResponse() == null) {
      return null;
    }
    return details.sdkHttpResponse().firstMatchingHeader("Retry-After").orElse(null);
  }

  private OriginFailure mapClosed(String subject, IllegalStateException e) {
    return OriginFailure.lasting(ErrorCode.CLOSED, subject + ": " + redactor.text(e.getMessage()))
        .because(redactor.cause(e));
  }
}
