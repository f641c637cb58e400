package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.LarderException;
import dev.larder.store.Counters.Counter;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobIndex;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.index.IndexChange;
import dev.larder.store.index.StripeRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes blobs out of the store. The index forgets first, and forgets for good (its log is synced),
 * before bytes on disk change: after a power loss no record speaks of bytes that are not there.
 *
 * <p>The caller holds the key's lock.
 */
final class Removal {
  private static final Logger log = LoggerFactory.getLogger(Removal.class);

  private final StoreDirectory directory;
  private final BlobIndex index;
  private final OpenBlobs open;
  private final Space space;
  private final Order order;
  private final Quarantine quarantine;
  private final Counters counters;
  private final Listeners listeners;

  Removal(StoreParts parts) {
    directory = parts.directory();
    index = parts.index();
    open = parts.open();
    space = parts.space();
    order = parts.order();
    quarantine = parts.quarantine();
    counters = parts.counters();
    listeners = parts.listeners();
  }

  /** Removes a blob, record and bytes; open handles find it gone. */
  void remove(BlobKey key, BlobRecord record) {
    BlobRecord was = forget(key, record, true);
    if (was.state() != BlobRecord.State.SEALED_SMALL) {
      index.sync();
      unlink(path(key, was));
      if (was.isSealed()) {
        unmark(List.of(key));
      }
    }
    listeners.gone(key, was.sizeBytes());
  }

  /** Sealed files were unlinked. */
  void unmark(Collection<BlobKey> keys) {
    try {
      index.change(false, change -> keys.forEach(change::unmarkGoing));
    } catch (LarderException e) {
      // On a full volume, say. The next start finds nothing to unlink under that name.
      log.debug("marks of unlinked files stay: {}", e.toString());
    }
  }

  /** Unlinks sealed files whose records went right before a crash. Before the store is used. */
  void finish() {
    List<BlobKey> done = new ArrayList<>();
    for (BlobKey key : index.going()) {
      try {
        // A record means that the blob came back, and its file with it.
        if (index.blob(key).isEmpty() && Files.deleteIfExists(directory.blobPath(key))) {
          counters.increment(Counter.ORPHANS_TOTAL);
        }
        done.add(key);
      } catch (IOException e) {
        counters.increment(Counter.IO_ERRORS_TOTAL);
        log.warn("a removed file is left to the next start: {}", e.toString());
      }
    }
    if (!done.isEmpty()) {
      unmark(done);
    }
  }

  /** Sets a blob aside: its file is kept in quarantine, a small one is dropped. */
  void setAside(BlobKey key, BlobRecord record, String reason) {
    BlobRecord was = forget(key, record, false);
    if (was.state() != BlobRecord.State.SEALED_SMALL) {
      index.sync();
      try {
        quarantine.take(path(key, was), reason);
      } catch (IOException e) {
        throw Faults.of(e);
      }
    }
    counters.increment(Counter.QUARANTINED_TOTAL);
    listeners.wrong(key);
    listeners.gone(key, was.sizeBytes());
  }

  /**
   * Takes the records of a blob out of the index and marks its open file as gone. The bytes are
   * left to the caller, who syncs the index first.
   *
   * @param record what the index has, unless the blob is open: then it may be sealed meanwhile
   * @param unlinks whether the file is to be unlinked even if a crash comes first
   * @return the record that went
   */
  BlobRecord forget(BlobKey key, BlobRecord record, boolean unlinks) {
    OpenBlob blob = open.find(key);
    if (blob != null) {
      blob.state.lock();
    }
    BlobRecord was;
    try {
      was = blob == null ? record : blob.record();
      index.change(
          false,
          change -> {
            forgetRecords(change, key, was);
            if (unlinks && was.state() == BlobRecord.State.SEALED_FILE) {
              change.markGoing(key);
            }
          });
      if (blob != null) {
        blob.markGone();
        space.release(dropReservations(blob));
      }
    } finally {
      if (blob != null) {
        blob.state.unlock();
      }
    }
    if (blob != null) {
      if (blob.references == 0) {
        open.discard(blob);
      } else {
        open.detach(blob);
      }
    }
    forgetOrder(key, was);
    return was;
  }

  /** Clears the reserved bits; answers the bytes they were charged. Under the blob's state lock. */
  static long dropReservations(OpenBlob blob) {
    long bytes = 0;
    for (int stripe = 0; stripe < blob.reserved.length(); stripe++) {
      bytes += blob.bytes(stripe, blob.reserved.getAndSet(stripe, 0));
    }
    return bytes;
  }

  /**
   * Makes a stripe of a fill absent in the index; the caller syncs the index and punches the hole.
   *
   * @return bytes that were present
   */
  long forgetStripe(BlobKey key, BlobRecord record, int stripe, @Nullable OpenBlob blob) {
    StripeRecord was = index.stripe(key, stripe);
    long bytes = OpenBlob.bytes(record.sizeBytes(), stripe, was.bitmap());
    BlobRecord changed = record.withPresent(record.presentBytes() - bytes);
    index.change(
        false,
        change -> {
          change.removeStripe(key, stripe);
          change.putBlob(key, record, changed);
        });
    if (blob != null) {
      blob.forgetPrefix();
      blob.present.set(stripe, 0);
      blob.verified.set(stripe, 0);
      blob.record(changed);
    }
    order.removed(new UnitId(key, stripe));
    return bytes;
  }

  /** Where a blob's file lies by its record. */
  Path path(BlobKey key, BlobRecord record) {
    return record.isSealed() ? directory.blobPath(key) : directory.fillPath(key);
  }

  /** Removes a file if it is there. */
  static void unlink(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }

  private static void forgetRecords(IndexChange change, BlobKey key, BlobRecord record) {
    change.removeBlob(key, record);
    if (record.state() == BlobRecord.State.SEALED_SMALL) {
      change.removeSmall(key);
    }
    for (int stripe = 0; stripe < stripes(record); stripe++) {
      change.removeStripe(key, stripe);
    }
  }

  private void forgetOrder(BlobKey key, BlobRecord record) {
    order.removed(UnitId.whole(key));
    if (!record.isSealed()) {
      for (int stripe = 0; stripe < stripes(record); stripe++) {
        order.removed(new UnitId(key, stripe));
      }
    }
    if (record.state() == BlobRecord.State.SEALED_SMALL) {
      space.smallDeleted(record.chargeBytes());
    }
  }

  private static int stripes(BlobRecord record) {
    return record.state() == BlobRecord.State.SEALED_SMALL
        ? 0
        : Blocks.stripeCount(record.sizeBytes());
  }
}
