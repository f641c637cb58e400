package dev.larder.origin;

import com.azure.core.exception.ClientAuthenticationException;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.HttpResponse;
import com.azure.storage.blob.models.BlobStorageException;
import dev.larder.protocol.ErrorCode;
import java.util.Optional;

/** The one mapper from what the Azure SDK throws to error codes. */
final class AzureErrors {
  private final Redactor redactor;
  private final Timing timing;

  AzureErrors(Redactor redactor, Timing timing) {
    this.redactor = redactor;
    this.timing = timing;
  }

  /** A call of the SDK. */
  @FunctionalInterface
  interface Call<T> {
    T run();
  }

  /** Runs a call under a watch. */
  <T> T run(Watch watch, String subject, Call<T> call) throws OriginFailure {
    try {
      return ScopedValue.where(Watch.CURRENT, watch).call(call::run);
    } catch (ClientAuthenticationException e) {
      throw denied(subject, e);
    } catch (HttpResponseException e) {
      HttpResponse answer = e.getResponse();
      String code =
          e instanceof BlobStorageException blob ? String.valueOf(blob.getErrorCode()) : "";
      if (answer != null) {
        throw failure(subject, answer, code).because(redactor.cause(e));
      }
      throw unavailable(subject, e);
    } catch (RuntimeException e) {
      if (String.valueOf(e.getClass().getName()).contains("Credential")) {
        throw denied(subject, e);
      }
      throw unavailable(subject, e);
    }
  }

  /** What a status that is no success means. */
  OriginFailure failure(String subject, HttpResponse answer, String code) {
    String message =
        redactor.text(
            subject + ": status " + answer.getStatusCode() + (code.isEmpty() ? "" : " " + code));
    String retryAfter = answer.getHeaderValue("Retry-After");
    return switch (code) {
      case "ContainerNotFound", "BlobNotFound", "ContainerBeingDeleted" ->
          OriginFailure.lasting(ErrorCode.ORIGIN_GONE, message);
      case "BlobArchived" -> OriginFailure.lasting(ErrorCode.ORIGIN_DENIED, message);
      case "ServerBusy", "OperationTimedOut", "InternalError" ->
          OriginFailure.passing(ErrorCode.ORIGIN_UNAVAILABLE, message)
              .after(HttpStatuses.retryAfter(retryAfter, timing.now()));
      default -> HttpStatuses.failure(answer.getStatusCode(), message, retryAfter, timing.now());
    };
  }

  private OriginFailure denied(String subject, RuntimeException e) {
    return OriginFailure.lasting(
            ErrorCode.ORIGIN_DENIED,
            subject + ": no usable credentials: " + redactor.text(firstLine(e)))
        .because(redactor.cause(e));
  }

  private OriginFailure unavailable(String subject, RuntimeException e) {
    // The SDK wraps an interrupt and thereby clears it.
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
    }
    return OriginFailure.passing(
            ErrorCode.ORIGIN_UNAVAILABLE, subject + ": " + redactor.text(firstLine(e)))
        .because(redactor.cause(e));
  }

  private static String firstLine(RuntimeException e) {
    return Optional.ofNullable(e.getMessage()).flatMap(m -> m.lines().findFirst()).orElse("");
  }
}
