package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.store.BlobStore.ScrubReport;
import dev.larder.store.Counters.Counter;
import dev.larder.store.index.BlobRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Re-hashes sealed blobs in the order of their keys, going round. As keys are digests, that visits
 * the one least recently scrubbed next, with one cursor on disk in place of a time per blob.
 */
final class Scrubber {
  private static final String CURSOR = "scrub-cursor";
  private static final int PAGE_BLOBS = 256;

  private final StoreParts parts;
  private final Removal removal;
  private final SmallBlobs smalls;
  private final OpenStore open;
  private final ReentrantLock one = new ReentrantLock();

  Scrubber(StoreParts parts, Removal removal, SmallBlobs smalls, OpenStore open) {
    this.parts = parts;
    this.removal = removal;
    this.smalls = smalls;
    this.open = open;
  }

  ScrubReport run(long bytesMax) {
    one.lock();
    try {
      return round(bytesMax);
    } finally {
      one.unlock();
    }
  }

  private ScrubReport round(long bytesMax) {
    byte[] saved = parts.index().meta(CURSOR);
    @Nullable BlobKey start =
        saved != null && saved.length == BlobKey.BINARY_BYTES ? BlobKey.ofBinary(saved) : null;
    @Nullable BlobKey cursor = start;
    boolean wrapped = start == null;
    long blobs = 0;
    long bytes = 0;
    long corrupt = 0;
    while (bytes < bytesMax) {
      List<Map.Entry<BlobKey, BlobRecord>> page = parts.index().blobsAfter(cursor, PAGE_BLOBS);
      if (page.isEmpty()) {
        if (wrapped) {
          cursor = null;
          break;
        }
        wrapped = true;
        cursor = null;
        continue;
      }
      for (Map.Entry<BlobKey, BlobRecord> entry : page) {
        BlobKey key = entry.getKey();
        boolean roundDone = wrapped && start != null && key.compareTo(start) > 0;
        if (bytes >= bytesMax || roundDone) {
          save(cursor);
          return new ScrubReport(blobs, bytes, corrupt);
        }
        cursor = key;
        if (entry.getValue().isSealed()) {
          blobs++;
          bytes += entry.getValue().sizeBytes();
          corrupt += isRight(key, entry.getValue()) ? 0 : 1;
        }
      }
    }
    save(cursor);
    return new ScrubReport(blobs, bytes, corrupt);
  }

  private void save(@Nullable BlobKey cursor) {
    parts.index().putMeta(CURSOR, cursor == null ? new byte[0] : cursor.binary());
  }

  private boolean isRight(BlobKey key, BlobRecord record) {
    parts.counters().add(Counter.SCRUBBED_BYTES_TOTAL, record.sizeBytes());
    if (record.state() == BlobRecord.State.SEALED_SMALL) {
      long before = parts.counters().value(Counter.CORRUPT_BLOBS_TOTAL);
      return smalls.read(key).isPresent()
          || parts.counters().value(Counter.CORRUPT_BLOBS_TOTAL) == before;
    }
    Optional<OpenBlob> opened = open.openSealed(key);
    if (opened.isEmpty()) {
      return parts.open().isInUse(key);
    }
    OpenBlob blob = opened.get();
    try {
      boolean right = isContentRight(blob);
      if (!right) {
        parts.counters().increment(Counter.CORRUPT_BLOBS_TOTAL);
        try (KeyLocks.Held held = parts.locks().lock(key)) {
          if (!blob.isGone()) {
            removal.setAside(key, blob.record(), "the scrub found damage");
          }
        }
      }
      return right;
    } finally {
      open.release(blob);
    }
  }

  private boolean isContentRight(OpenBlob blob) {
    for (long block = 0; block < Blocks.blockCount(blob.sizeBytes); block++) {
      if (blob.isGone()) {
        return true;
      }
      Optional<Digest> expected =
          parts
              .index()
              .stripe(blob.key, Blocks.stripeOfBlock(block))
              .digest((int) (block % Blocks.STRIPE_BLOCKS));
      if (expected.isEmpty() || !isBlockRight(blob, block, expected.get())) {
        parts.counters().increment(Counter.CORRUPT_BLOCKS_TOTAL);
        return false;
      }
    }
    return true;
  }

  private boolean isBlockRight(OpenBlob blob, long block, Digest expected) {
    try (BufferPool.Lease lease = parts.buffers().take()) {
      ByteBuffer bytes = lease.buffer().limit(blob.length(block));
      blob.withFile(file -> file.read(Blocks.blockOffset(block), bytes));
      return !bytes.hasRemaining() && Digests.ofBytes(bytes.flip()).equals(expected);
    } catch (IOException e) {
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      if (Faults.isUnreadable(e)) {
        return false;
      }
      throw Faults.of(e);
    }
  }
}
