package dev.larder.origin;

import java.io.FilterInputStream;
import java.io.IOException;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;

/**
 * Tells the caller's {@link Watch} how to abort a request that has no answer yet; the SDK offers a
 * handle only afterwards. Any thread.
 */
final class AbortableHttp implements SdkHttpClient {
  private final SdkHttpClient client;

  AbortableHttp(SdkHttpClient client) {
    this.client = client;
  }

  @Override
  public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
    ExecutableHttpRequest prepared = client.prepareRequest(request);
    return new ExecutableHttpRequest() {
      @Override
      public HttpExecuteResponse call() throws IOException {
        if (Watch.CURRENT.isBound()) {
          Watch.CURRENT.get().onAbort(prepared::abort);
        }
        HttpExecuteResponse answer = prepared.call();
        return answer
            .responseBody()
            .map(body ->
                HttpExecuteResponse.builder()
                    .response(answer.httpResponse())
                    .responseBody(AbortableInputStream.create(new Body(body), body))
                    .build())
            .orElse(answer);
      }

      @Override
      public void abort() {
        prepared.abort();
      }
    };
  }

  /**
   * A body that is dropped when it is closed early. The SDK closes the body of an interrupted call,
   * after it took the interrupt away; the client underneath would read on to the end then, from a
   * server that may never send it.
   */
  private static final class Body extends FilterInputStream {
    private final AbortableInputStream body;
    private boolean ended;

    Body(AbortableInputStream body) {
      super(body);
      this.body = body;
    }

    @Override
    public int read() throws IOException {
      int value = in.read();
      ended |= value < 0;
      return value;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      int count = in.read(target, offset, length);
      ended |= count < 0;
      return count;
    }

    @Override
    public void close() throws IOException {
      if (ended) {
        in.close();
      } else {
        body.abort();
      }
    }
  }

  @Override
  public String clientName() {
    return client.clientName();
  }

  @Override
  public void close() {
    client.close();
  }
}
