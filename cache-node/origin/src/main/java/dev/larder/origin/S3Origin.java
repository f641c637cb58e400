package dev.larder.origin;

import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.OriginKeys;
import java.io.InputStream;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.utils.SdkAutoCloseable;

/** A prefix of a bucket at Amazon or any server that speaks S3. */
final class S3Origin implements Origin {
  private static final Set<String> OPTIONS =
      Set.of("endpoint", "region", "path-style", "versions", "credentials", "check-md5");

  private final S3Location location;
  private final AwsCredentialsProvider credentials;
  private final boolean versions;
  private final boolean md5;
  private final Redactor redactor = new Redactor();
  private final SdkHttpClient client;
  private final S3Sdk sdk;
  private final S3Http http;
  private final Requests requests;

  private S3Origin(String uri, OriginOptions options, OriginContext context) {
    OptionReader reader = new OptionReader("s3", options, OPTIONS);
    location = S3Location.parse(uri, reader);
    versions = reader.flag("versions");
    md5 = reader.flag("check-md5");
    S3Endpoints endpoints = new S3Endpoints(location, reader);
    S3Errors errors = new S3Errors(redactor, context.timing());
    credentials =
        S3Credentials.provider(reader.text("credentials").orElse("default"), redactor, context);
    client = S3Clients.http(context.limits());
    sdk = new S3Sdk(S3Clients.sdk(client, location, endpoints, credentials), endpoints, errors);
    S3Sessions sessions = new S3Sessions(location, sdk, redactor, context.timing());
    S3Signer signer = new S3Signer(credentials, sessions, redactor, context.timing());
    http = new S3Http(client, endpoints, signer, errors);
    requests = new Requests(location.uris().root(), context);
  }

  static Origin open(String uri, OriginOptions options, OriginContext context) {
    return new S3Origin(uri, options, context);
  }

  @Override
  public String uri() {
    return location.uris().root();
  }

  @Override
  public void list(ListingSink sink) {
    new S3Listing(location, sdk, requests, sink).run(versions);
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    String name = location.uris().name(object);
    return requests.read(
        object, offset, length, (from, count, watch) -> get(object, name, from, count, watch));
  }

  private RangeBody get(OriginObject object, String name, long offset, long length, Watch watch)
      throws OriginFailure {
    S3Version version = S3Version.of(object.version(), versions);
    HttpExecuteResponse answer =
        http.send(
            SdkHttpMethod.GET,
            object,
            name,
            request -> {
              version.bind(request);
              if (offset == 0 && length == object.sizeBytes()) {
                request.putHeader("x-amz-checksum-mode", "ENABLED");
              } else {
                request.putHeader("Range", "bytes=" + offset + "-" + (offset + length - 1));
              }
            },
            watch);
    AbortableInputStream body =
        answer
            .responseBody()
            .orElseGet(() -> AbortableInputStream.create(InputStream.nullInputStream()));
    try {
      S3Head head = new S3Head(answer.httpResponse());
      version.check(object, head);
      head.range().checkRange(object, offset, length);
      return new StreamBody(
          object.uri(),
          body,
          body::abort,
          head.contentLength() == length,
          S3Checksums.of(head, false),
          redactor);
    } catch (OriginFailure | RuntimeException e) {
      body.abort();
      throw e;
    }
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    String name = location.uris().name(object);
    S3Version version = S3Version.of(object.version(), versions);
    return requests.call(
        Operation.HEAD,
        watch -> {
          S3Head head =
              new S3Head(
                  http.send(
                          SdkHttpMethod.HEAD,
                          object,
                          name,
                          request -> {
                            version.bind(request);
                            request.putHeader("x-amz-checksum-mode", "ENABLED");
                          },
                          watch)
                      .httpResponse());
          version.check(object, head);
          long bytes = head.contentLength();
          if (bytes >= 0 && bytes != object.sizeBytes()) {
            throw RangeAnswer.changed(object, bytes + " bytes");
          }
          return S3Checksums.of(head, md5);
        });
  }

  @Override
  public void close() {
    requests.close();
    sdk.close();
    client.close();
    if (credentials instanceof SdkAutoCloseable closeable) {
      closeable.close();
    }
  }

  /** The version token of an object of a listing. */
  static String token(@Nullable String versionId, @Nullable String etag, Instant lastModified) {
    return versionId == null
        ? Versions.token(etag, lastModified)
        : S3Version.token(versionId, Versions.token(etag, lastModified));
  }

  static String etagHeader(String token) {
    return '"' + OriginKeys.versionOfEtag(token) + '"';
  }
}
