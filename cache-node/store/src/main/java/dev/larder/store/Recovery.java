package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.Counters.Counter;
import dev.larder.store.StoreHooks.RecordedRoot;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.index.StripeRecord;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings files and index together after a start, in the background: reading is safe before, because
 * nothing is used but what the index has and what passes its check.
 *
 * <ul>
 *   <li>a record without a file goes; a file in {@code fills/} without a record goes
 *   <li>a record that says sealed with its file in {@code fills/} is a fill
 *   <li>a file in {@code blobs/} that the index calls filling, or does not know, is hashed again
 *       and taken in if its key, its records or the recorded root vouch for it; else it is set
 *       aside
 *   <li>room of blocks that no record speaks of is given back
 * </ul>
 *
 * One thread. Takes each key's lock for a moment, never while it hashes.
 */
final class Recovery {
  private static final Logger log = LoggerFactory.getLogger(Recovery.class);
  private static final int PAGE_BLOBS = 512;

  private final StoreParts parts;
  private final Removal removal;
  private final StoreHooks hooks;
  private final BooleanSupplier stop;
  private boolean waiting;

  Recovery(StoreParts parts, Removal removal, StoreHooks hooks, BooleanSupplier stop) {
    this.parts = parts;
    this.removal = removal;
    this.hooks = hooks;
    this.stop = stop;
  }

  /** Goes over records, then files; answers whether some must be asked about again later. */
  boolean run() {
    waiting = false;
    checkRecords();
    eachFile(parts.directory().fills(), this::checkFillFile);
    eachFile(parts.directory().blobs(), this::checkBlobFile);
    return waiting;
  }

  private void checkRecords() {
    @Nullable BlobKey after = null;
    while (!stop.getAsBoolean()) {
      List<Map.Entry<BlobKey, BlobRecord>> page = parts.index().blobsAfter(after, PAGE_BLOBS);
      if (page.isEmpty()) {
        return;
      }
      for (Map.Entry<BlobKey, BlobRecord> entry : page) {
        after = entry.getKey();
        if (stop.getAsBoolean()) {
          return;
        }
        if (entry.getValue().state() == BlobRecord.State.SEALED_SMALL
            && !entry.getValue().doomed()) {
          parts.order().found(UnitId.whole(after), entry.getValue().chargeBytes());
        } else {
          checkRecord(after);
        }
      }
    }
  }

  private void checkRecord(BlobKey key) {
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      Optional<BlobRecord> known = parts.index().blob(key);
      if (known.isEmpty() || parts.open().isInUse(key)) {
        return;
      }
      BlobRecord record = known.get();
      if (record.doomed()) {
        removal.remove(key, record);
      } else if (record.state() == BlobRecord.State.SEALED_FILE) {
        checkSealed(key, record);
      } else if (record.state() == BlobRecord.State.FILLING) {
        checkFill(key, record);
      }
    } catch (IOException e) {
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      log.warn("recovery of {} failed: {}", key, e.toString());
    }
  }

  private void checkSealed(BlobKey key, BlobRecord record) throws IOException {
    Path sealed = parts.directory().blobPath(key);
    Path fill = parts.directory().fillPath(key);
    if (isFile(sealed, record.sizeBytes())) {
      parts.order().found(UnitId.whole(key), record.chargeBytes());
    } else if (isFile(fill, record.sizeBytes())) {
      BlobRecord filling =
          BlobRecord.filling(record.sizeBytes()).withPresent(presentBytes(key, record));
      parts.index().change(false, change -> change.putBlob(key, record, filling));
      checkFill(key, filling);
    } else {
      removal.setAside(key, record, "its file is missing or has another size");
    }
  }

  private void checkFill(BlobKey key, BlobRecord record) throws IOException {
    Path fill = parts.directory().fillPath(key);
    if (!isFile(fill, record.sizeBytes())) {
      if (!Files.exists(parts.directory().blobPath(key))) {
        removal.remove(key, record);
      }
      return;
    }
    if (presentBytes(key, record) == 0) {
      removal.remove(key, record);
      return;
    }
    try (PosixFile file = PosixFile.openExisting(fill)) {
      for (int stripe = 0; stripe < Blocks.stripeCount(record.sizeBytes()); stripe++) {
        long present = parts.index().stripe(key, stripe).bitmap();
        long all = StripeRecord.mask(Blocks.blocksInStripe(record.sizeBytes(), stripe));
        Holes.punch(file, record.sizeBytes(), stripe, all & ~present);
        if (present != 0) {
          parts
              .order()
              .found(new UnitId(key, stripe), OpenBlob.bytes(record.sizeBytes(), stripe, present));
        }
      }
    }
  }

  private long presentBytes(BlobKey key, BlobRecord record) {
    long[] bytes = new long[1];
    parts
        .index()
        .stripes(
            key,
            (stripe, found) ->
                bytes[0] += OpenBlob.bytes(record.sizeBytes(), stripe, found.bitmap()));
    return bytes[0];
  }

  private static boolean isFile(Path file, long sizeBytes) throws IOException {
    try {
      return Files.isRegularFile(file) && Files.size(file) == sizeBytes;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private interface FileCheck {
    void run(Path file, BlobKey key) throws IOException;
  }

  private void eachFile(Path root, FileCheck check) {
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(root)) {
      for (Path folder : folders) {
        if (!Files.isDirectory(folder)) {
          parts.quarantine().take(folder, "not a folder of keys");
          continue;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
          for (Path file : files) {
            if (stop.getAsBoolean()) {
              return;
            }
            check(folder, file, check);
          }
        }
      }
    } catch (IOException e) {
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      log.warn("recovery cannot read {}: {}", root, e.toString());
    }
  }

  private void check(Path folder, Path file, FileCheck check) throws IOException {
    BlobKey key;
    try {
      key = BlobKey.parseDiskName(folder.getFileName() + "/" + file.getFileName());
    } catch (LarderException e) {
      parts.quarantine().take(file, "not the name of a blob");
      return;
    }
    try {
      check.run(file, key);
    } catch (IOException e) {
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      log.warn("recovery of {} failed: {}", file.getFileName(), e.toString());
    }
  }

  private void checkFillFile(Path file, BlobKey key) {
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      Optional<BlobRecord> record = parts.index().blob(key);
      if (!parts.open().isInUse(key) && (record.isEmpty() || record.get().isSealed())) {
        Removal.unlink(file);
        parts.counters().increment(Counter.ORPHANS_TOTAL);
      }
    }
  }

  private void checkBlobFile(Path file, BlobKey key) throws IOException {
    if (isSealed(key)) {
      return;
    }
    Rehash found;
    try {
      found = Rehash.of(key, file, parts.buffers(), stop);
    } catch (NoSuchFileException e) {
      return;
    }
    Optional<Trust> trust;
    try {
      trust = trust(key, found);
    } catch (RuntimeException e) {
      log.info("root of {} cannot be asked for now: {}", key, e.toString());
      waiting = true;
      return;
    }
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      if (isSealed(key) || parts.open().isInUse(key) || !Files.exists(file)) {
        return;
      }
      parts.counters().increment(Counter.ORPHANS_TOTAL);
      Optional<BlobRecord> before = parts.index().blob(key);
      if (trust.isEmpty()) {
        parts.quarantine().take(file, "nothing vouches for this file's content");
        before.ifPresentOrElse(
            record -> removal.remove(key, record), () -> parts.listeners().gone(key, 0));
      } else {
        adopt(key, found, trust.get(), before);
      }
    }
  }

  private boolean isSealed(BlobKey key) {
    return parts
        .index()
        .blob(key)
        .filter(record -> record.state() == BlobRecord.State.SEALED_FILE)
        .isPresent();
  }

  /** What the content stands on; empty if nothing vouches for it. */
  private Optional<Trust> trust(BlobKey key, Rehash found) {
    if (key.kind() == BlobKey.Kind.SHA256) {
      return found.contentMatches() ? Optional.of(Trust.VERIFIED) : Optional.empty();
    }
    Optional<BlobRecord> own = parts.index().blob(key);
    if (own.isPresent() && own.get().sizeBytes() == found.sizeBytes()) {
      // Its blocks were hashed and committed before the rename; only the sealed record was lost.
      boolean same = true;
      for (int stripe = 0; stripe < found.stripes().size() && same; stripe++) {
        StripeRecord recorded = parts.index().stripe(key, stripe);
        int count = Blocks.blocksInStripe(found.sizeBytes(), stripe);
        same =
            recorded.isComplete(count)
                && recorded.digests(count).equals(found.stripes().get(stripe).digests(count));
      }
      if (same) {
        return Optional.of(Trust.ATTESTED);
      }
    }
    Optional<RecordedRoot> recorded = hooks.roots().find(key);
    return recorded
        .filter(each -> each.sizeBytes() == found.sizeBytes() && each.root().equals(found.root()))
        .map(RecordedRoot::trust);
  }

  private void adopt(BlobKey key, Rehash found, Trust trust, Optional<BlobRecord> before)
      throws IOException {
    Path file = parts.directory().blobPath(key);
    try (PosixFile handle = PosixFile.openReadOnly(file)) {
      handle.mode(0444);
      handle.sync();
    }
    BlobRecord record =
        BlobRecord.sealed(BlobRecord.State.SEALED_FILE, found.sizeBytes(), found.root(), trust);
    parts
        .index()
        .change(
            true,
            change -> {
              for (int stripe = 0; stripe < found.stripes().size(); stripe++) {
                change.putStripe(key, stripe, found.stripes().get(stripe));
              }
              change.putBlob(key, before.orElse(null), record);
            });
    parts.order().admitted(UnitId.whole(key), record.chargeBytes());
    parts.counters().increment(Counter.ADOPTED_TOTAL);
    parts.listeners().sealed(Sealer.info(key, record));
  }
}
