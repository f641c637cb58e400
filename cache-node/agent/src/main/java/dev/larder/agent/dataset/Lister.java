package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Datasets.ListingProgress;
import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.CatalogOptions;
import dev.larder.erofs.CatalogSummary;
import dev.larder.erofs.CatalogWriter;
import dev.larder.origin.Origin;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.OriginKeys;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Lists an origin into a catalog in the store. Any thread; as many listings at once as allowed. */
final class Lister {
  private static final Logger log = LoggerFactory.getLogger(Lister.class);
  private static final long PROGRESS_NANOS = Duration.ofSeconds(1).toNanos();

  /** Most skipped names logged a reason. */
  private static final int SKIPPED_LOGGED = 5;

  private final BlobStore store;
  private final Path tempDirectory;
  private final DatasetConfig config;
  private final Clock clock;
  private final Semaphore slots;

  Lister(BlobStore store, Path tempDirectory, DatasetConfig config, Clock clock) {
    this.clock = clock;
    this.store = store;
    this.tempDirectory = tempDirectory;
    this.config = config;
    this.slots = new Semaphore(config.listingsMax());
  }

  /**
   * A listing's result; its catalog is in the store, pinned for the owner that was named.
   *
   * @param skipped names left out, by the origin or by the catalog
   */
  record Listing(
      CatalogSummary summary,
      SealedInfo sealed,
      long skipped,
      boolean hasOwnUris,
      Instant from,
      Instant to) {}

  /** Lists; TOO_MANY when {@code dataset.listings-max} listings are at work. */
  Listing list(String dataset, Origin origin, String pinOwner, Consumer<ListingProgress> progress) {
    if (!slots.tryAcquire()) {
      throw new LarderException(
          ErrorCode.TOO_MANY,
          "dataset.listings-max: " + config.listingsMax() + " listings are at work");
    }
    try {
      return listNow(dataset, origin, pinOwner, progress);
    } finally {
      slots.release();
    }
  }

  private Listing listNow(
      String dataset, Origin origin, String pinOwner, Consumer<ListingProgress> progress) {
    Path image = tempFile();
    Instant from = clock.instant();
    try (CatalogWriter writer = new CatalogWriter(options(dataset), tempDirectory)) {
      Sink sink = new Sink(writer, origin.uri(), progress);
      origin.list(sink);
      sink.addRoot();
      // The clock may have been set back meanwhile.
      Instant end = clock.instant();
      Instant to = end.isBefore(from) ? from : end;
      progress.accept(new ListingProgress(sink.objects, sink.bytes));
      CatalogSummary summary = writer.finish(image);
      store.pin(summary.key(), pinOwner);
      SealedInfo sealed = store.putFile(summary.key(), image, Trust.VERIFIED);
      return new Listing(
          summary, sealed, sink.skipped + summary.skippedTotal(), sink.hasOwnUris, from, to);
    } finally {
      delete(image);
    }
  }

  private CatalogOptions options(String dataset) {
    return CatalogOptions.DEFAULT
        .withSortMemory(config.sortMemoryBytes())
        .withSkipped(
            SKIPPED_LOGGED,
            skipped ->
                log.warn(
                    "left out dataset={} reason={} path={}",
                    dataset,
                    skipped.reason(),
                    OriginKeys.encode(skipped.path())));
  }

  private Path tempFile() {
    try {
      Files.createDirectories(tempDirectory);
      Path file = Files.createTempFile(tempDirectory, "image-", ".erofs");
      Files.delete(file);
      return file;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.STORE_IO, "cannot make a temporary file for a catalog: " + e, e);
    }
  }

  private static void delete(Path image) {
    try {
      Files.deleteIfExists(image);
    } catch (IOException e) {
      log.warn("temporary catalog stays behind file={}: {}", image.getFileName(), e.toString());
    }
  }

  private static final class Sink implements Origin.ListingSink {
    private final CatalogWriter writer;
    private final String rootUri;
    private final Consumer<ListingProgress> progress;
    private long objects;
    private long bytes;
    private long skipped;
    private boolean hasOwnUris;
    private Instant newest = Instant.EPOCH;
    private long toldNanos = System.nanoTime();

    Sink(CatalogWriter writer, String rootUri, Consumer<ListingProgress> progress) {
      this.writer = writer;
      this.rootUri = rootUri;
      this.progress = progress;
    }

    @Override
    public void accept(OriginObject object) {
      if (object.lastModified().isAfter(newest)) {
        newest = object.lastModified();
      }
      if (object.path().isEmpty() && object.type() == OriginObject.Type.DIRECTORY) {
        // The root, which is added at the end.
        return;
      }
      switch (object.type()) {
        case FILE -> writer.add(file(object));
        case DIRECTORY -> writer.add(CatalogEntry.directory(object.path(), object.lastModified()));
        case SYMLINK ->
            writer.add(
                CatalogEntry.symlink(
                    object.path(), object.linkTarget().orElse(""), object.lastModified()));
      }
      objects++;
      bytes += object.sizeBytes();
      long now = System.nanoTime();
      if (now - toldNanos >= PROGRESS_NANOS) {
        toldNanos = now;
        progress.accept(new ListingProgress(objects, bytes));
      }
    }

    @Override
    public void skipped(String name, String reason) {
      skipped++;
      if (skipped <= SKIPPED_LOGGED) {
        log.warn("left out by origin reason={} name={}", reason, OriginKeys.encode(name));
      }
    }

    private CatalogEntry file(OriginObject object) {
      CatalogEntry entry =
          CatalogEntry.file(
              object.path(),
              object.sizeBytes(),
              object.lastModified(),
              object.key(),
              object.version());
      Map<String, byte[]> xattrs = new HashMap<>();
      if (object.key().kind() == BlobKey.Kind.SHA256) {
        xattrs.put(
            OpenCatalog.DIGEST_XATTR,
            object.key().digest().hex().getBytes(StandardCharsets.US_ASCII));
      }
      if (!object.uri().equals(rootUri + '/' + OriginKeys.encode(object.path()))) {
        hasOwnUris = true;
        xattrs.put(OpenCatalog.URI_XATTR, object.uri().getBytes(StandardCharsets.UTF_8));
      }
      return xattrs.isEmpty() ? entry : entry.withXattrs(xattrs);
    }

    /** The root says where everything comes from that does not say it itself. */
    void addRoot() {
      writer.add(
          CatalogEntry.directory("", newest)
              .withXattrs(Map.of(OpenCatalog.URI_XATTR, rootUri.getBytes(StandardCharsets.UTF_8))));
    }
  }
}
