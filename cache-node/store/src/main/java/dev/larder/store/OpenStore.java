package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.Counters.Counter;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens and closes blobs' files: the only place where references are counted and where what nobody
 * uses is tidied away.
 */
final class OpenStore {
  private static final Logger log = LoggerFactory.getLogger(OpenStore.class);

  private final StoreParts parts;
  private final Removal removal;
  private volatile boolean shut;

  OpenStore(StoreParts parts, Removal removal) {
    this.parts = parts;
    this.removal = removal;
  }

  /** A sealed blob's file with a reference added; empty when it is not sealed or not a file. */
  Optional<OpenBlob> openSealed(BlobKey key) {
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      while (true) {
        OpenBlob blob = parts.open().find(key);
        if (blob == null) {
          Optional<BlobRecord> record = parts.index().blob(key);
          if (record.isEmpty() || record.get().state() != BlobRecord.State.SEALED_FILE) {
            return Optional.empty();
          }
          blob = openFile(key, record.get());
        }
        if (blob == null || !blob.isSealed() || blob.record().doomed()) {
          return Optional.empty();
        }
        if (parts.open().retain(blob)) {
          return Optional.of(blob);
        }
      }
    }
  }

  /** A blob's file with a reference added, created if the blob is absent. */
  OpenBlob openFill(BlobKey key, long sizeBytes) {
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      while (true) {
        OpenBlob blob = parts.open().find(key);
        if (blob == null) {
          Optional<BlobRecord> record = parts.index().blob(key);
          record.ifPresent(each -> checkOpenable(key, each, sizeBytes));
          blob = record.isPresent() ? openFile(key, record.get()) : null;
          if (blob == null) {
            blob = create(key, sizeBytes);
          }
        }
        checkOpenable(key, blob.record(), sizeBytes);
        if (parts.open().retain(blob)) {
          return blob;
        }
      }
    }
  }

  /** Adds a reference to a blob that the caller holds open already. */
  void retain(OpenBlob blob) {
    try (KeyLocks.Held held = parts.locks().lock(blob.key)) {
      blob.references++;
    }
  }

  /** Takes a reference away; the last one tidies up. */
  void release(OpenBlob blob) {
    try (KeyLocks.Held held = parts.locks().lock(blob.key)) {
      if (shut) {
        return;
      }
      blob.references--;
      if (blob.references > 0) {
        return;
      }
      tidy(blob);
    }
  }

  /** Whether the store was closed. */
  boolean isShut() {
    return shut;
  }

  /** Closes every file as if its last user left; handles still out there find it closed. */
  void shut() {
    shut = true;
    for (OpenBlob blob : parts.open().all()) {
      try (KeyLocks.Held held = parts.locks().lock(blob.key)) {
        blob.references = 0;
        tidy(blob);
        if (!blob.isGone()) {
          parts.open().discard(blob);
        }
      } catch (LarderException e) {
        // What could not be tidied now, on a full disk say, recovery finds at the next start.
        log.warn("closing {}: {}", blob.key, e.toString());
        blob.closeFiles();
      }
    }
  }

  private void tidy(OpenBlob blob) {
    if (blob.isGone()) {
      blob.closeFiles();
    } else if (blob.record().doomed()) {
      removal.remove(blob.key, blob.record());
    } else if (blob.isSealed()) {
      parts.open().park(blob);
      parts.order().released(UnitId.whole(blob.key));
    } else {
      closeFill(blob);
    }
  }

  private static void checkOpenable(BlobKey key, BlobRecord record, long sizeBytes) {
    if (record.sizeBytes() != sizeBytes) {
      throw new LarderException(
          ErrorCode.ALREADY_EXISTS,
          key + " is known with " + record.sizeBytes() + " bytes, not " + sizeBytes);
    }
    if (record.state() == BlobRecord.State.SEALED_SMALL) {
      throw new LarderException(
          ErrorCode.ALREADY_EXISTS, key + " is kept as a small blob; read it with readSmall");
    }
  }

  /** Opens what the record speaks of; null, and the record removed, if the file does not fit. */
  private @Nullable OpenBlob openFile(BlobKey key, BlobRecord record) {
    parts.open().admitOne();
    Path path = removal.path(key, record);
    PosixFile file = null;
    try {
      if (!record.isSealed()) {
        takeBack(key, path);
      }
      file = record.isSealed() ? PosixFile.openReadOnly(path) : PosixFile.openExisting(path);
      if (file.size() != record.sizeBytes()) {
        file.close();
        parts.counters().increment(Counter.CORRUPT_BLOBS_TOTAL);
        removal.setAside(key, record, "size is not " + record.sizeBytes());
        return null;
      }
    } catch (NoSuchFileException e) {
      parts.counters().increment(Counter.CORRUPT_RECORDS_TOTAL);
      removal.remove(key, record);
      return null;
    } catch (IOException e) {
      if (file != null) {
        file.close();
      }
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      throw Faults.of(e);
    }
    OpenBlob blob = new OpenBlob(key, record, path, file, parts.buffers());
    if (!record.isSealed()) {
      loadPresence(blob);
    }
    parts.open().add(blob);
    return blob;
  }

  /**
   * After a crash between the rename of a seal and its record the file of a fill lies in {@code
   * blobs/}. Its blocks are those of the records; recovery may not have come here yet.
   */
  private void takeBack(BlobKey key, Path fill) throws IOException {
    Path blob = parts.directory().blobPath(key);
    if (Files.exists(fill) || !Files.exists(blob)) {
      return;
    }
    Files.setPosixFilePermissions(blob, PosixFilePermissions.fromString("rw-------"));
    StoreDirectory.createFolder(java.util.Objects.requireNonNull(fill.getParent()));
    Files.move(blob, fill, StandardCopyOption.ATOMIC_MOVE);
    PosixFile.syncFolder(java.util.Objects.requireNonNull(fill.getParent()));
    PosixFile.syncFolder(java.util.Objects.requireNonNull(blob.getParent()));
  }

  private void loadPresence(OpenBlob blob) {
    parts
        .index()
        .stripes(
            blob.key,
            (stripe, record) -> {
              if (stripe < blob.present.length()) {
                blob.present.set(stripe, record.bitmap());
              }
            });
    long bytes = 0;
    for (int stripe = 0; stripe < blob.present.length(); stripe++) {
      bytes += blob.bytes(stripe, blob.present.get(stripe));
    }
    if (bytes != blob.record().presentBytes()) {
      // A damaged stripe record was dropped: the totals follow.
      BlobRecord right = blob.record().withPresent(bytes);
      parts.index().change(false, change -> change.putBlob(blob.key, blob.record(), right));
      blob.record(right);
    }
  }

  private OpenBlob create(BlobKey key, long sizeBytes) {
    parts.open().admitOne();
    BlobRecord record = BlobRecord.filling(sizeBytes);
    Path path = parts.directory().fillPath(key);
    PosixFile file = null;
    try {
      StoreDirectory.createFolder(java.util.Objects.requireNonNull(path.getParent()));
      // Bytes of an earlier life must not shine through the holes of this one.
      Removal.unlink(path);
      file = PosixFile.openOrCreate(path);
      file.truncate(sizeBytes);
      parts.index().change(false, change -> change.putBlob(key, null, record));
      OpenBlob blob = new OpenBlob(key, record, path, file, parts.buffers());
      parts.open().add(blob);
      return blob;
    } catch (IOException e) {
      undo(file, path);
      throw Faults.of(e);
    } catch (LarderException e) {
      undo(file, path);
      throw e;
    }
  }

  private static void undo(@Nullable PosixFile file, Path path) {
    if (file != null) {
      file.close();
      Removal.unlink(path);
    }
  }

  /**
   * The last user of a fill left: room reserved and not used goes back; an empty fill goes whole.
   */
  private void closeFill(OpenBlob blob) {
    if (blob.record().presentBytes() == 0 && blob.sizeBytes > 0) {
      removal.remove(blob.key, blob.record());
      return;
    }
    blob.state.lock();
    try {
      punchReserved(blob);
    } finally {
      blob.state.unlock();
      parts.open().discard(blob);
    }
  }

  private void punchReserved(OpenBlob blob) {
    for (int stripe = 0; stripe < blob.reserved.length(); stripe++) {
      long unused = blob.reserved.getAndSet(stripe, 0);
      if (unused != 0) {
        parts.space().release(blob.bytes(stripe, unused));
        Holes.punch(blob, stripe, unused & ~blob.present.get(stripe), parts.counters());
      }
      parts.order().released(new UnitId(blob.key, stripe));
    }
  }
}
