package dev.larder.origin;

import dev.larder.origin.Origin.ListingSink;
import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.origin.OriginObject.Type;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ListObjectVersionsRequest;
import software.amazon.awssdk.services.s3.model.ListObjectVersionsResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.S3Object;

/** One listing of a prefix, page by page: memory holds one page. One thread. */
final class S3Listing {
  private static final Set<String> ARCHIVED = Set.of("GLACIER", "DEEP_ARCHIVE");

  private final S3Location location;
  private final S3Sdk sdk;
  private final Requests requests;
  private final ListingSink sink;

  S3Listing(S3Location location, S3Sdk sdk, Requests requests, ListingSink sink) {
    this.location = location;
    this.sdk = sdk;
    this.requests = requests;
    this.sink = sink;
  }

  void run(boolean versions) {
    if (versions) {
      listVersions();
    } else {
      listObjects();
    }
  }

  private void listObjects() {
    String token = null;
    do {
      ListObjectsV2Request request =
          ListObjectsV2Request.builder()
              .bucket(location.bucket())
              .prefix(location.uris().prefix())
              .encodingType(EncodingType.URL)
              .continuationToken(token)
              .build();
      ListObjectsV2Response page =
          requests.call(
              Operation.LIST,
              watch ->
                  sdk.call(watch, location.uris().root(), client -> client.listObjectsV2(request)));
      for (S3Object object : page.contents()) {
        accept(
            object.key(),
            null,
            object.eTag(),
            object.size(),
            object.lastModified(),
            object.storageClassAsString());
      }
      token = Boolean.TRUE.equals(page.isTruncated()) ? page.nextContinuationToken() : null;
    } while (token != null);
  }

  private void listVersions() {
    String key = null;
    String version = null;
    do {
      ListObjectVersionsRequest request =
          ListObjectVersionsRequest.builder()
              .bucket(location.bucket())
              .prefix(location.uris().prefix())
              .encodingType(EncodingType.URL)
              .keyMarker(key)
              .versionIdMarker(version)
              .build();
      ListObjectVersionsResponse page =
          requests.call(
              Operation.LIST,
              watch ->
                  sdk.call(
                      watch, location.uris().root(), client -> client.listObjectVersions(request)));
      for (ObjectVersion object : page.versions()) {
        if (Boolean.TRUE.equals(object.isLatest())) {
          accept(
              object.key(),
              object.versionId(),
              object.eTag(),
              object.size(),
              object.lastModified(),
              object.storageClassAsString());
        }
      }
      boolean more = Boolean.TRUE.equals(page.isTruncated());
      key = more ? page.nextKeyMarker() : null;
      version = more ? page.nextVersionIdMarker() : null;
    } while (key != null);
  }

  private void accept(
      String name,
      @Nullable String versionId,
      @Nullable String etag,
      @Nullable Long size,
      @Nullable Instant changed,
      @Nullable String storageClass) {
    if (name.equals(location.uris().prefix())) {
      return; // the marker of the root itself
    }
    long bytes = size == null ? 0 : size;
    boolean directory = name.endsWith("/") && bytes == 0;
    String path = location.uris().path(name);
    if (directory) {
      path = path.substring(0, path.length() - 1);
    }
    Optional<String> fault = Names.fault(path);
    if (fault.isPresent()) {
      sink.skipped(path, fault.get());
      return;
    }
    if (storageClass != null && ARCHIVED.contains(storageClass)) {
      sink.skipped(path, "it is archived (" + storageClass + ")");
      return;
    }
    Instant lastModified = changed == null ? Instant.EPOCH : changed;
    sink.accept(
        new OriginObject(
            path,
            directory ? Type.DIRECTORY : Type.FILE,
            location.uris().of(name),
            directory ? "" : S3Origin.token(versionId, etag, lastModified),
            bytes,
            lastModified,
            Optional.empty(),
            Optional.empty()));
  }
}
