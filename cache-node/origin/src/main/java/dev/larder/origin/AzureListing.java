package dev.larder.origin;

import com.azure.core.http.rest.PagedResponse;
import com.azure.storage.blob.BlobContainerClient;
import com.azure.storage.blob.models.BlobItem;
import com.azure.storage.blob.models.BlobItemProperties;
import com.azure.storage.blob.models.BlobListDetails;
import com.azure.storage.blob.models.ListBlobsOptions;
import dev.larder.origin.Origin.ListingSink;
import dev.larder.origin.OriginMetrics.Operation;
import dev.larder.origin.OriginObject.Type;
import java.time.Instant;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One listing of a prefix, page by page: memory holds one page. One thread. */
final class AzureListing {
  private final BlobContainerClient client;
  private final ObjectUris uris;
  private final AzureErrors errors;
  private final Requests requests;
  private final ListingSink sink;

  AzureListing(
      BlobContainerClient client,
      ObjectUris uris,
      AzureErrors errors,
      Requests requests,
      ListingSink sink) {
    this.client = client;
    this.uris = uris;
    this.errors = errors;
    this.requests = requests;
    this.sink = sink;
  }

  void run(boolean versions) {
    ListBlobsOptions options =
        new ListBlobsOptions()
            .setPrefix(uris.prefix())
            .setDetails(
                new BlobListDetails().setRetrieveMetadata(true).setRetrieveVersions(versions));
    @Nullable String token = null;
    do {
      @Nullable String from = token;
      Optional<PagedResponse<BlobItem>> page =
          requests.call(
              Operation.LIST, watch -> errors.run(watch, uris.root(), () -> page(options, from)));
      page.ifPresent(p -> p.getElements().forEach(item -> accept(item, versions)));
      token = page.map(PagedResponse::getContinuationToken).orElse(null);
    } while (token != null && !token.isEmpty());
  }

  private Optional<PagedResponse<BlobItem>> page(ListBlobsOptions options, @Nullable String token) {
    Iterator<PagedResponse<BlobItem>> pages =
        client.listBlobs(options, token, null).iterableByPage().iterator();
    return pages.hasNext() ? Optional.of(pages.next()) : Optional.empty();
  }

  private void accept(BlobItem item, boolean versions) {
    String name = item.getName();
    // Data Lake lists the directory itself; elsewhere this is the marker of the root.
    if (!name.startsWith(uris.prefix()) || name.length() == uris.prefix().length()) {
      return;
    }
    if (versions && Boolean.FALSE.equals(item.isCurrentVersion())) {
      return;
    }
    BlobItemProperties properties = item.getProperties();
    long bytes = properties.getContentLength() == null ? 0 : properties.getContentLength();
    boolean marker = name.endsWith("/") && bytes == 0;
    boolean directory = marker || isFolder(item.getMetadata());
    String path = uris.path(marker ? name.substring(0, name.length() - 1) : name);
    Optional<String> fault = Names.fault(path);
    if (fault.isPresent()) {
      sink.skipped(path, fault.get());
      return;
    }
    if ("Archive".equals(String.valueOf(properties.getAccessTier()))) {
      sink.skipped(path, "it is archived");
      return;
    }
    Instant changed =
        properties.getLastModified() == null
            ? Instant.EPOCH
            : properties.getLastModified().toInstant();
    @Nullable String id = versions ? item.getVersionId() : null;
    sink.accept(
        new OriginObject(
            path,
            directory ? Type.DIRECTORY : Type.FILE,
            uris.of(name),
            directory ? "" : id == null ? Versions.token(properties.getETag(), changed) : id,
            directory ? 0 : bytes,
            changed,
            Optional.empty(),
            Optional.empty()));
  }

  private static boolean isFolder(@Nullable Map<String, String> metadata) {
    return metadata != null && "true".equalsIgnoreCase(metadata.get("hdi_isfolder"));
  }
}
