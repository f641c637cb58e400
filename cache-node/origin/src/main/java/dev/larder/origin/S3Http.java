package dev.larder.origin;

import dev.larder.protocol.OriginKeys;
import java.io.IOException;
import java.util.function.Consumer;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;

/**
 * Requests for single objects, signed and sent without the SDK's pipeline, which costs several
 * times the CPU of the rest. Any thread.
 */
final class S3Http {
  private final SdkHttpClient client;
  private final S3Endpoints endpoints;
  private final S3Signer signer;
  private final S3Errors errors;

  S3Http(SdkHttpClient client, S3Endpoints endpoints, S3Signer signer, S3Errors errors) {
    this.client = client;
    this.endpoints = endpoints;
    this.signer = signer;
    this.errors = errors;
  }

  /**
   * Sends a request, once more where the refusal says what was wrong with it: the region, the
   * clock, a session. The answer is a success; the caller ends its body.
   *
   * @param key the object's whole name
   * @param more puts in headers and parameters
   */
  HttpExecuteResponse send(
      SdkHttpMethod method,
      OriginObject object,
      String key,
      Consumer<SdkHttpRequest.Builder> more,
      Watch watch)
      throws OriginFailure {
    boolean again = false;
    while (true) {
      S3Endpoints.Target target = endpoints.target();
      HttpExecuteResponse answer = sendOnce(method, object, target, key, more, watch);
      if (answer.httpResponse().isSuccessful()) {
        return answer;
      }
      S3Error error = S3Error.read(answer);
      if (again || !(endpoints.learn(target, error) || signer.learn(target, error))) {
        throw errors.failure(object.uri(), error);
      }
      again = true;
    }
  }

  private HttpExecuteResponse sendOnce(
      SdkHttpMethod method,
      OriginObject object,
      S3Endpoints.Target target,
      String key,
      Consumer<SdkHttpRequest.Builder> more,
      Watch watch)
      throws OriginFailure {
    SdkHttpRequest.Builder plain =
        SdkHttpRequest.builder()
            .method(method)
            .uri(target.base())
            .putHeader("User-Agent", "larder");
    String bucket = plain.encodedPath();
    plain.encodedPath((bucket.endsWith("/") ? bucket : bucket + "/") + OriginKeys.encode(key));
    more.accept(plain);
    try {
      SdkHttpRequest signed = signer.sign(plain.build(), target, watch);
      ExecutableHttpRequest prepared =
          client.prepareRequest(HttpExecuteRequest.builder().request(signed).build());
      watch.onAbort(prepared::abort);
      return prepared.call();
    } catch (SdkException e) {
      throw errors.map(object.uri(), e);
    } catch (IOException e) {
      throw errors.map(object.uri(), e);
    } catch (IllegalStateException e) {
      throw errors.map(object.uri(), e);
    }
  }
}
