package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Definition.KeptSnapshot;
import dev.larder.agent.dataset.Lister.Listing;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings catalogs in that this node did not make itself: from a member that has them, else by
 * listing the origin again, which gives the same catalog as long as nothing changed there.
 *
 * <p><b>Threads:</b> any; one brings in at a time, as whoever waits mostly wants the same one.
 */
final class CatalogIntake {
  private static final Logger log = LoggerFactory.getLogger(CatalogIntake.class);

  private final BlobStore store;
  private final Lister lister;
  private final Path directory;
  private volatile CatalogSource source = CatalogSource.NONE;

  /**
   * Brings nothing in yet.
   *
   * @param directory for files on their way into the store
   */
  CatalogIntake(BlobStore store, Lister lister, Path directory) {
    this.store = store;
    this.lister = lister;
    this.directory = directory;
  }

  void from(CatalogSource members) {
    source = members;
  }

  /**
   * Sees to it that a snapshot's catalog is in the store, pinned for its owner.
   *
   * @throws LarderException ORIGIN_CHANGED when no member has it and the origin was changed since;
   *     ORIGIN_* when it cannot be listed; STORE_*
   */
  void bring(Attached dataset, KeptSnapshot snapshot, String owner) {
    BlobKey key = snapshot.info().catalog();
    if (isHere(key)) {
      return;
    }
    synchronized (this) {
      if (isHere(key)) {
        return;
      }
      // First, so that it cannot be evicted before its owner is written down.
      store.pin(key, owner);
      try {
        if (!fetch(key, snapshot.catalogSizeBytes())) {
          listAgain(dataset, snapshot);
        }
      } catch (RuntimeException e) {
        store.unpin(key, owner);
        throw e;
      }
    }
  }

  private boolean isHere(BlobKey key) {
    return store.find(key).filter(info -> info.state() == State.SEALED).isPresent();
  }

  private boolean fetch(BlobKey key, long sizeBytes) {
    Path file = temporary(key);
    try {
      if (!source.fetch(key, sizeBytes, file)) {
        return false;
      }
      store.putFile(key, file, Trust.VERIFIED);
      log.info("catalog came from a member key={} bytes={}", key, sizeBytes);
      return true;
    } finally {
      delete(file);
    }
  }

  private void listAgain(Attached dataset, KeptSnapshot snapshot) {
    String name = dataset.definition().name() + "@" + snapshot.info().number();
    String owner = "catalog:again-" + System.nanoTime();
    Listing listing =
        lister.list(dataset.definition().name().text(), dataset.origin(), owner, progress -> {});
    BlobKey found = listing.summary().key();
    store.unpin(found, owner);
    if (!found.equals(snapshot.info().catalog())) {
      throw new LarderException(
          ErrorCode.ORIGIN_CHANGED,
          "no member that has the catalog of "
              + name
              + " can be reached, and its origin was changed since; larder dataset refresh "
              + dataset.definition().name()
              + " makes a new snapshot");
    }
    log.info("catalog was made again by listing the origin snapshot={}", name);
  }

  private Path temporary(BlobKey key) {
    try {
      Files.createDirectories(directory);
      Path file = directory.resolve("catalog-" + key.digest().hex() + ".tmp");
      Files.deleteIfExists(file);
      return file;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.STORE_IO, "cannot make a temporary file for a catalog: " + e, e);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      log.warn("temporary file stays file={}", file.getFileName(), e);
    }
  }
}
