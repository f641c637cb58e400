package dev.larder.mount;

import dev.larder.agent.config.DurableFiles;
import dev.larder.erofs.CatalogPacker;
import dev.larder.erofs.PackOptions;
import dev.larder.erofs.PackSummary;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedBlob;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The packed forms of this node's catalogs: blobs of the store, pinned, remembered by the plain
 * catalog's key in one small file each. Any thread; one packs at a time.
 */
final class PackedCatalogs {
  private static final Logger log = LoggerFactory.getLogger(PackedCatalogs.class);

  private final BlobStore store;
  private final Path directory;
  private final ConcurrentHashMap<BlobKey, Packed> known = new ConcurrentHashMap<>();
  private final AtomicBoolean cancelled = new AtomicBoolean();

  /** A packed image and the files whose bytes are inside. */
  record Packed(BlobKey image, long files) {}

  /** Packed forms remembered in a directory of the agent's own. */
  PackedCatalogs(BlobStore store, Path directory) {
    this.store = store;
    this.directory = directory;
  }

  void load() {
    try {
      Files.createDirectories(directory);
      try (Stream<Path> files = Files.list(directory)) {
        for (Path file : files.toList()) {
          if (file.getFileName().toString().endsWith(".tmp")) {
            Files.delete(file);
          } else {
            load(file);
          }
        }
      }
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_UNUSABLE, "cannot read " + directory + ": " + e, e);
    }
  }

  private void load(Path file) throws IOException {
    String[] fields = Files.readString(file).strip().split(" ", 4);
    try {
      BlobKey plain = BlobKey.parse(fields[1]);
      Packed packed = new Packed(BlobKey.parse(fields[2]), Long.parseLong(fields[3]));
      if (fields[0].equals("1") && store.openSealed(packed.image()).map(this::closed).isPresent()) {
        known.put(plain, packed);
        return;
      }
    } catch (RuntimeException e) {
      log.warn("packed catalog forgotten file={}: {}", file.getFileName(), e.toString());
    }
    DurableFiles.delete(file);
  }

  private boolean closed(SealedBlob blob) {
    blob.close();
    return true;
  }

  Optional<Packed> of(BlobKey plain) {
    return Optional.ofNullable(known.get(plain));
  }

  /**
   * Packs a catalog; answers at once where it is packed already.
   *
   * @throws LarderException UNKNOWN_BLOB naming a small file that is not in the store
   */
  synchronized Packed pack(BlobKey plain) {
    Packed already = known.get(plain);
    if (already != null) {
      return already;
    }
    Path image = directory.resolve(plain.digest().hex() + ".tmp");
    try (SealedBlob catalog =
        store
            .openSealed(plain)
            .orElseThrow(() ->
                new LarderException(
                    ErrorCode.CATALOG_CORRUPT, "catalog " + plain + " is not in the store"))) {
      Files.deleteIfExists(image);
      PackSummary summary =
          CatalogPacker.pack(
              catalog.path(), image, this::bytes, PackOptions.DEFAULT.withCancel(cancelled::get));
      store.pin(summary.key(), owner(plain));
      store.putFile(summary.key(), image, Trust.VERIFIED);
      Packed packed = new Packed(summary.key(), summary.files());
      String line = "1 " + plain + " " + packed.image() + " " + packed.files() + "\n";
      DurableFiles.replace(
          directory.resolve(plain.digest().hex()), line.getBytes(StandardCharsets.US_ASCII));
      known.put(plain, packed);
      log.info(
          "catalog packed plain={} files={} bytes={}", plain, summary.files(), summary.bytes());
      return packed;
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "cannot write " + image + ": " + e, e);
    } finally {
      deleteQuietly(image);
    }
  }

  private ByteBuffer bytes(BlobKey key) {
    return store
        .readSmall(key)
        .orElseThrow(() ->
            new LarderException(ErrorCode.UNKNOWN_BLOB, "blob " + key + " is not in the store"));
  }

  /** Forgets the packed form of a catalog that is no more. */
  synchronized void forget(BlobKey plain) {
    Packed gone = known.remove(plain);
    if (gone != null) {
      DurableFiles.delete(directory.resolve(plain.digest().hex()));
      store.unpin(gone.image(), owner(plain));
    }
  }

  /** Ends a packing that is under way. */
  void cancel() {
    cancelled.set(true);
  }

  private static String owner(BlobKey plain) {
    return "packed:" + plain.digest().hex();
  }

  private static void deleteQuietly(Path image) {
    try {
      Files.deleteIfExists(image);
    } catch (IOException e) {
      log.warn("could not delete {}: {}", image, e.toString());
    }
  }
}
