package dev.larder.origin;

import com.azure.core.http.HttpHeaderName;
import com.azure.core.http.HttpMethod;
import com.azure.core.http.HttpRequest;
import com.azure.core.http.HttpResponse;
import com.azure.core.util.Context;
import com.azure.storage.blob.BlobContainerClient;
import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.OriginKeys;
import java.net.URI;
import java.util.Base64;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A prefix of a container of Azure Blob Storage (also Data Lake and OneLake, through their blob
 * endpoints). Reads are plain requests through the SDK's pipeline, which signs them: the SDK's own
 * downloads buffer whole blocks.
 */
final class AzureOrigin implements Origin {
  private static final Set<String> OPTIONS =
      Set.of(
          "account",
          "endpoint",
          "connection-string",
          "account-key",
          "sas",
          "credentials",
          "versions",
          "check-md5");
  private static final HttpHeaderName BLOB_MD5 = HttpHeaderName.fromString("x-ms-blob-content-md5");
  private static final HttpHeaderName MS_VERSION = HttpHeaderName.fromString("x-ms-version");
  private static final HttpHeaderName MS_ERROR = HttpHeaderName.fromString("x-ms-error-code");
  private static final HttpHeaderName MS_VERSION_ID = HttpHeaderName.fromString("x-ms-version-id");

  private final AzureHttp http;
  private final BlobContainerClient client;
  private final ObjectUris uris;
  private final boolean versions;
  private final boolean md5;
  private final Redactor redactor = new Redactor();
  private final AzureErrors errors;
  private final Requests requests;

  private AzureOrigin(String uri, OriginOptions options, OriginContext context) {
    OptionReader reader = new OptionReader("Azure", options, OPTIONS);
    AzureLocation location = AzureLocation.parse(uri, reader);
    versions = reader.flag("versions");
    md5 = reader.flag("check-md5");
    errors = new AzureErrors(redactor, context.timing());
    http = new AzureHttp(new HttpTransport(context.limits()));
    try {
      client = AzureClients.create(location, reader, http, redactor, context);
    } catch (RuntimeException e) {
      http.close();
      throw e;
    }
    uris = location.uris(URI.create(client.getAccountUrl()));
    requests = new Requests(uris.root(), context);
  }

  static Origin open(String uri, OriginOptions options, OriginContext context) {
    return new AzureOrigin(uri, options, context);
  }

  @Override
  public String uri() {
    return uris.root();
  }

  @Override
  public void list(ListingSink sink) {
    new AzureListing(client, uris, errors, requests, sink).run(versions);
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    String name = uris.name(object);
    return requests.read(
        object, offset, length, (from, count, watch) -> get(object, name, from, count, watch));
  }

  private RangeBody get(OriginObject object, String name, long offset, long length, Watch watch)
      throws OriginFailure {
    HttpRequest request = request(HttpMethod.GET, object, name);
    boolean whole = offset == 0 && length == object.sizeBytes();
    if (!whole) {
      request.setHeader(HttpHeaderName.RANGE, "bytes=" + offset + "-" + (offset + length - 1));
    }
    AzureHttp.Answer answer = send(object, request, watch);
    try {
      check(object, answer);
      RangeAnswer head = head(answer);
      head.checkRange(object, offset, length);
      return new StreamBody(
          object.uri(),
          answer.getBodyAsInputStreamSync(),
          answer::abort,
          head.contentLength() == length,
          checksum(answer, whole),
          redactor);
    } catch (OriginFailure | RuntimeException e) {
      answer.close();
      throw e;
    }
  }

  private HttpRequest request(HttpMethod method, OriginObject object, String name) {
    Optional<String> id = versionId(object);
    String url =
        uris.of(name) + id.map(version -> "?versionid=" + OriginKeys.encode(version)).orElse("");
    HttpRequest request = new HttpRequest(method, url);
    // The shared key's signature covers a length, and a missing one is not signed as none.
    request.setHeader(HttpHeaderName.CONTENT_LENGTH, "0");
    request.setHeader(MS_VERSION, client.getServiceVersion().getVersion());
    if (id.isEmpty()) {
      request.setHeader(HttpHeaderName.IF_MATCH, '"' + object.version() + '"');
    }
    return request;
  }

  private Optional<String> versionId(OriginObject object) {
    return versions && Versions.time(object.version()).isPresent()
        ? Optional.of(object.version())
        : Optional.empty();
  }

  private AzureHttp.Answer send(OriginObject object, HttpRequest request, Watch watch)
      throws OriginFailure {
    AzureHttp.Answer answer =
        (AzureHttp.Answer)
            errors.run(
                watch,
                object.uri(),
                () -> client.getHttpPipeline().sendSync(request, Context.NONE));
    if (answer.getStatusCode() == 412
        && request.getHeaders().get(HttpHeaderName.IF_MATCH) != null) {
      answer.close();
      // A blob that is gone matches nothing either; only an answer without a condition tells.
      HttpRequest plain = new HttpRequest(HttpMethod.HEAD, request.getUrl());
      plain.setHeader(HttpHeaderName.CONTENT_LENGTH, "0");
      plain.setHeader(MS_VERSION, client.getServiceVersion().getVersion());
      answer = send(object, plain, watch);
      answer.close();
      throw RangeAnswer.changed(object, "version " + answer.getHeaderValue(HttpHeaderName.ETAG));
    }
    if (answer.getStatusCode() != 200 && answer.getStatusCode() != 206) {
      String code = answer.getHeaderValue(MS_ERROR);
      answer.close();
      throw errors.failure(object.uri(), answer, code == null ? "" : code);
    }
    return answer;
  }

  private void check(OriginObject object, HttpResponse answer) throws OriginFailure {
    Optional<String> id = versionId(object);
    @Nullable String came = answer.getHeaderValue(MS_VERSION_ID);
    if (id.isEmpty()) {
      head(answer).checkVersion(object);
    } else if (!id.get().equals(came)) {
      throw RangeAnswer.changed(object, "version " + came);
    }
  }

  private static RangeAnswer head(HttpResponse answer) {
    String length = answer.getHeaderValue(HttpHeaderName.CONTENT_LENGTH);
    return new RangeAnswer(
        answer.getHeaderValue(HttpHeaderName.CONTENT_RANGE),
        length == null ? -1 : Long.parseLong(length),
        answer.getHeaderValue(HttpHeaderName.ETAG),
        HttpStatuses.httpDate(answer.getHeaderValue(HttpHeaderName.LAST_MODIFIED)));
  }

  // A range's own Content-MD5 is not asked for; what comes is the whole blob's.
  private Optional<ContentChecksum> checksum(HttpResponse answer, boolean whole) {
    if (!md5) {
      return Optional.empty();
    }
    String value = answer.getHeaderValue(BLOB_MD5);
    if (value == null && whole) {
      value = answer.getHeaderValue(HttpHeaderName.CONTENT_MD5);
    }
    if (value == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new ContentChecksum(ContentChecksum.Algorithm.MD5, Base64.getDecoder().decode(value)));
    } catch (IllegalArgumentException malformed) {
      return Optional.empty();
    }
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    String name = uris.name(object);
    return requests.call(
        Operation.HEAD,
        watch -> {
          HttpResponse answer = send(object, request(HttpMethod.HEAD, object, name), watch);
          answer.close();
          check(object, answer);
          return checksum(answer, true);
        });
  }

  @Override
  public void close() {
    requests.close();
    http.close();
  }
}
