package dev.larder.origin;

import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.OriginKeys;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.HeadObjectRequest;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.utils.SdkAutoCloseable;

/** A prefix of a bucket at Amazon or any server that speaks S3. */
final class S3Origin implements Origin {
  private static final Set<String> OPTIONS =
      Set.of("endpoint", "region", "path-style", "versions", "credentials", "check-md5");

  private final S3Location location;
  private final S3Client client;
  private final AwsCredentialsProvider credentials;
  private final boolean versions;
  private final boolean md5;
  private final Redactor redactor;
  private final S3Errors errors;
  private final Requests requests;

  private S3Origin(String uri, OriginOptions options, OriginContext context) {
    OptionReader reader = new OptionReader("s3", options, OPTIONS);
    redactor = new Redactor();
    location = S3Location.parse(uri, reader);
    versions = reader.flag("versions");
    md5 = reader.flag("check-md5");
    errors = new S3Errors(redactor, context.timing());
    credentials =
        S3Credentials.provider(reader.text("credentials").orElse("default"), redactor, context);
    client = S3Clients.create(location, reader, credentials, context.limits());
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
    new S3Listing(location, client, errors, requests, sink).run(versions);
  }

  @Override
  public OriginRead open(OriginObject object, long offset, long length) {
    String name = location.uris().name(object);
    return requests.read(
        object, offset, length, (from, count, watch) -> get(object, name, from, count, watch));
  }

  private RangeBody get(OriginObject object, String name, long offset, long length, Watch watch)
      throws OriginFailure {
    GetObjectRequest.Builder request =
        GetObjectRequest.builder().bucket(location.bucket()).key(name);
    S3Version version = S3Version.of(object.version(), versions);
    version.bind(request);
    if (offset == 0 && length == object.sizeBytes()) {
      // Asked for by its plain name, so that the SDK does not check it a second time.
      request.overrideConfiguration(o -> o.putHeader("x-amz-checksum-mode", "ENABLED"));
    } else {
      request.range("bytes=" + offset + "-" + (offset + length - 1));
    }
    ResponseInputStream<GetObjectResponse> in =
        errors.run(watch, object.uri(), () -> client.getObject(request.build()));
    try {
      GetObjectResponse head = in.response();
      version.check(object, head.versionId(), head.eTag(), head.lastModified());
      long bytes = head.contentLength() == null ? -1 : head.contentLength();
      new RangeAnswer(
              head.contentRange(), bytes, head.eTag(), Optional.ofNullable(head.lastModified()))
          .checkRange(object, offset, length);
      return new StreamBody(
          object.uri(), in, in::abort, bytes == length, S3Checksums.of(head), redactor);
    } catch (OriginFailure | RuntimeException e) {
      in.abort();
      throw e;
    }
  }

  @Override
  public Optional<ContentChecksum> checksum(OriginObject object) {
    String name = location.uris().name(object);
    S3Version version = S3Version.of(object.version(), versions);
    HeadObjectRequest.Builder request =
        HeadObjectRequest.builder()
            .bucket(location.bucket())
            .key(name)
            .checksumMode(ChecksumMode.ENABLED);
    version.bind(request);
    return requests.call(
        Operation.HEAD,
        watch -> {
          HeadObjectResponse head =
              errors.run(watch, object.uri(), () -> client.headObject(request.build()));
          version.check(object, head.versionId(), head.eTag(), head.lastModified());
          if (head.contentLength() != null && head.contentLength() != object.sizeBytes()) {
            throw RangeAnswer.changed(object, head.contentLength() + " bytes");
          }
          return S3Checksums.of(head, md5);
        });
  }

  @Override
  public void close() {
    requests.close();
    client.close();
    if (credentials instanceof SdkAutoCloseable closeable) {
      closeable.close();
    }
  }

  /** The version token of an object of a listing. */
  static String token(
      @Nullable String versionId, @Nullable String etag, java.time.Instant lastModified) {
    return versionId == null
        ? Versions.token(etag, lastModified)
        : S3Version.token(versionId, Versions.token(etag, lastModified));
  }

  static String etagHeader(String token) {
    return '"' + OriginKeys.versionOfEtag(token) + '"';
  }
}
