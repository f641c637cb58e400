package dev.larder.origin;

import java.io.IOException;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;

/**
 * Tells the caller's {@link Watch} how to abort a request that has no answer yet; the SDK offers a
 * handle only afterwards. Any thread.
 */
final class AbortableHttp implements SdkHttpClient {
  /** The watch of the call on this thread: the SDK's blocking client stays on it. */
  static final ScopedValue<Watch> WATCH = ScopedValue.newInstance();

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
        if (WATCH.isBound()) {
          WATCH.get().onAbort(prepared::abort);
        }
        return prepared.call();
      }

      @Override
      public void abort() {
        prepared.abort();
      }
    };
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
