package dev.larder.origin;

import com.azure.core.http.HttpClient;
import com.azure.core.http.HttpHeaderName;
import com.azure.core.http.HttpRequest;
import com.azure.core.http.HttpResponse;
import com.azure.core.util.Context;
import reactor.core.publisher.Mono;

/**
 * Takes Content-Length out of requests once they are signed: they have no body, the JDK's client
 * sends the header itself, and its Azure wrapper would warn about each one. Any thread.
 */
final class AzureHttp implements HttpClient {
  private final HttpClient client;

  AzureHttp(HttpClient client) {
    this.client = client;
  }

  @Override
  public Mono<HttpResponse> send(HttpRequest request) {
    return client.send(bare(request));
  }

  @Override
  public Mono<HttpResponse> send(HttpRequest request, Context context) {
    return client.send(bare(request), context);
  }

  @Override
  public HttpResponse sendSync(HttpRequest request, Context context) {
    return client.sendSync(bare(request), context);
  }

  private static HttpRequest bare(HttpRequest request) {
    if ("0".equals(request.getHeaders().getValue(HttpHeaderName.CONTENT_LENGTH))) {
      request.getHeaders().remove(HttpHeaderName.CONTENT_LENGTH);
    }
    return request;
  }
}
