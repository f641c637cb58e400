package dev.larder.origin;

import com.azure.core.http.HttpClient;
import com.azure.core.http.HttpHeader;
import com.azure.core.http.HttpHeaderName;
import com.azure.core.http.HttpHeaders;
import com.azure.core.http.HttpRequest;
import com.azure.core.http.HttpResponse;
import com.azure.core.util.BinaryData;
import com.azure.core.util.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * The Azure SDK's HTTP, over ours: its own clients pass a body through buffers and threads that
 * cost several times as much CPU as the rest, and can't be aborted. Any thread.
 */
final class AzureHttp implements HttpClient, AutoCloseable {
  // A page of a listing has some megabytes at most, a token some kilobytes.
  private static final int WHOLE_BYTES_MAX = 64 << 20;
  // Set by the client below for each request; it refuses a second one.
  private static final Set<String> NOT_OURS =
      Set.of("content-length", "host", "connection", "transfer-encoding");

  private final HttpTransport transport;

  AzureHttp(HttpTransport transport) {
    this.transport = transport;
  }

  @Override
  public HttpResponse sendSync(HttpRequest request, Context context) {
    HttpTransport.Request plain =
        new HttpTransport.Request(
            request.getHttpMethod().name(), URI.create(request.getUrl().toString()));
    for (HttpHeader header : request.getHeaders()) {
      if (!NOT_OURS.contains(header.getName().toLowerCase(java.util.Locale.ROOT))) {
        header.getValuesList().forEach(value -> plain.header(header.getName(), value));
      }
    }
    BinaryData body = request.getBodyAsBinaryData();
    if (body != null) {
      plain.body(body.toBytes());
    }
    try {
      return new Answer(
          request,
          Watch.CURRENT.isBound()
              ? transport.send(plain, Watch.CURRENT.get())
              : transport.send(plain));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Mono<HttpResponse> send(HttpRequest request) {
    return send(request, Context.NONE);
  }

  @Override
  public Mono<HttpResponse> send(HttpRequest request, Context context) {
    return Mono.fromCallable(() -> sendSync(request, context))
        .subscribeOn(Schedulers.boundedElastic());
  }

  @Override
  public void close() {
    transport.close();
  }

  /** An answer; the caller closes it. One thread. */
  static final class Answer extends HttpResponse {
    private final HttpTransport.Answer answer;
    private final HttpHeaders headers = new HttpHeaders();
    private byte @Nullable [] whole;

    Answer(HttpRequest request, HttpTransport.Answer answer) {
      super(request);
      this.answer = answer;
      answer.headers((name, value) -> headers.add(HttpHeaderName.fromString(name), value));
    }

    /** Drops the connection, also under a read. Any thread, idempotent. */
    void abort() {
      answer.abort();
    }

    @Override
    public int getStatusCode() {
      return answer.status();
    }

    @Override
    @Deprecated
    public String getHeaderValue(String name) {
      return headers.getValue(HttpHeaderName.fromString(name));
    }

    @Override
    public HttpHeaders getHeaders() {
      return headers;
    }

    @Override
    public InputStream getBodyAsInputStreamSync() {
      return answer.body();
    }

    @Override
    public BinaryData getBodyAsBinaryData() {
      return BinaryData.fromBytes(whole());
    }

    @Override
    public Flux<ByteBuffer> getBody() {
      return Flux.defer(() -> Flux.just(ByteBuffer.wrap(whole())));
    }

    @Override
    public Mono<byte[]> getBodyAsByteArray() {
      return Mono.fromCallable(this::whole);
    }

    @Override
    public Mono<String> getBodyAsString() {
      return getBodyAsString(StandardCharsets.UTF_8);
    }

    @Override
    public Mono<String> getBodyAsString(Charset charset) {
      return Mono.fromCallable(() -> new String(whole(), charset));
    }

    @Override
    public HttpResponse buffer() {
      whole();
      return this;
    }

    private byte[] whole() {
      byte[] bytes = whole;
      if (bytes == null) {
        try (answer) {
          bytes = answer.whole(WHOLE_BYTES_MAX);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
        whole = bytes;
      }
      return bytes;
    }

    @Override
    public void close() {
      answer.close();
    }
  }
}
