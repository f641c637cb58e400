package dev.larder.client;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Requests to the agent: token, error mapping. Any thread; blocks. */
final class Http {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final int PROBLEM_BYTES_MAX = 64 << 10;

  private final AgentAddress address;
  private final HttpClient client;
  private final Duration headDeadline;

  Http(AgentAddress address, Duration headDeadline) {
    this.address = address;
    this.headDeadline = headDeadline;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT)
            .build();
  }

  AgentAddress address() {
    return address;
  }

  /** Path of a dataset's entry in a URL. */
  static String datasetPath(String dataset, String path) {
    String encodedName = OriginKeys.encode(dataset).replace("%40", "@");
    return "/datasets/" + encodedName + (path.isEmpty() ? "" : "/" + OriginKeys.encode(path));
  }

  /** A query value. */
  static String query(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8);
  }

  /**
   * Sends a request and returns the answer whatever 2xx status it has; the caller closes the body.
   */
  HttpResponse<InputStream> send(String method, String target, Map<String, String> headers) {
    return send(method, target, headers, BodyPublishers.noBody());
  }

  HttpResponse<InputStream> send(
      String method, String target, Map<String, String> headers, BodyPublisher body) {
    HttpRequest.Builder request = request(target).method(method, body);
    headers.forEach(request::header);
    HttpResponse<InputStream> response;
    try {
      response = client.send(request.build(), BodyHandlers.ofInputStream());
    } catch (IOException e) {
      throw failure(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    }
    if (response.statusCode() >= 300) {
      throw problem(response);
    }
    return response;
  }

  /** Gets a short answer whole; the deadline is for all of it, so nothing needs to watch it. */
  HttpResponse<byte[]> whole(String target) {
    CompletableFuture<HttpResponse<byte[]>> coming =
        client.sendAsync(request(target).build(), BodyHandlers.ofByteArray());
    HttpResponse<byte[]> response;
    try {
      response = coming.get(headDeadline.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      coming.cancel(true);
      throw late(e);
    } catch (InterruptedException e) {
      coming.cancel(true);
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted", e);
    } catch (ExecutionException e) {
      throw failure(e.getCause() instanceof IOException cause ? cause : new IOException(e));
    }
    if (response.statusCode() >= 300) {
      throw problem(
          response.statusCode(),
          response.headers(),
          new String(response.body(), StandardCharsets.UTF_8));
    }
    return response;
  }

  private HttpRequest.Builder request(String target) {
    return HttpRequest.newBuilder(uri(target))
        .timeout(headDeadline)
        .header("Authorization", "Bearer " + address.token());
  }

  private LarderException failure(IOException e) {
    if (e instanceof HttpTimeoutException) {
      return late(e);
    }
    String message =
        e instanceof ConnectException
            ? "nothing listens at " + address + "; is the agent running? (larder dev)"
            : "lost the connection to the agent at " + address;
    return new LarderException(ErrorCode.AGENT_UNAVAILABLE, message, e);
  }

  private LarderException late(Exception e) {
    return new LarderException(
        ErrorCode.DEADLINE, "the agent at " + address + " did not answer in time", e);
  }

  /** Sends a request and returns its body as text. */
  String text(String method, String target, String body) {
    BodyPublisher publisher =
        body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body);
    Map<String, String> headers =
        body.isEmpty() ? Map.of() : Map.of("Content-Type", "application/json");
    try (InputStream in = send(method, target, headers, publisher).body()) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.AGENT_UNAVAILABLE, "lost the connection to the agent at " + address, e);
    }
  }

  private URI uri(String target) {
    return URI.create(address.base() + target);
  }

  private static LarderException problem(HttpResponse<InputStream> response) {
    int status = response.statusCode();
    String body;
    try (InputStream in = response.body()) {
      body = new String(in.readNBytes(PROBLEM_BYTES_MAX), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return new LarderException(ErrorCode.AGENT_UNAVAILABLE, "the agent answered " + status, e);
    }
    return problem(status, response.headers(), body);
  }

  private static LarderException problem(int status, HttpHeaders headers, String body) {
    if (!headers.firstValue("Content-Type").orElse("").startsWith("application/problem")) {
      return new LarderException(codeOf("", status), "the agent answered " + status);
    }
    return problem(Json.object(body), status);
  }

  /** The fault a problem+json object stands for. */
  static LarderException problem(Json.Fields problem, int status) {
    ErrorCode code = codeOf(problem.optionalText("code").orElse(""), status);
    return new LarderException(
        code, problem.optionalText("detail").orElse("the agent answered " + status));
  }

  private static ErrorCode codeOf(String name, int status) {
    for (ErrorCode code : ErrorCode.values()) {
      if (code.name().equals(name)) {
        return code;
      }
    }
    return switch (status) {
      case 401, 403 -> ErrorCode.UNAUTHENTICATED;
      case 404 -> ErrorCode.NO_SUCH_PATH;
      case 416 -> ErrorCode.BAD_RANGE;
      default -> status >= 500 ? ErrorCode.AGENT_UNAVAILABLE : ErrorCode.BAD_REQUEST;
    };
  }
}
