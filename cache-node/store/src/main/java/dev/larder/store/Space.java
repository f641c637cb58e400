package dev.larder.store;

import dev.larder.store.index.BlobIndex;
import dev.larder.store.index.IndexChange;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The budget. It follows the volume: when others fill the disk it shrinks, and grows back. Counts
 * only; {@link Evictor} makes room. Any thread.
 */
final class Space {

  private final BlobIndex index;
  private final FileStore volume;
  private final long diskMaxBytes;
  private final long minFreeBytes;

  /**
   * Small blobs deleted whose room RocksDB gives back only when it compacts. Counted as free, or a
   * short volume would make the evictor delete small blobs for ever; fades while compaction works.
   */
  private final AtomicLong inCompaction = new AtomicLong();

  Space(BlobIndex index, Path directory, long diskMaxBytes, MinFree minFree) {
    this.index = index;
    this.diskMaxBytes = diskMaxBytes == 0 ? Long.MAX_VALUE : diskMaxBytes;
    try {
      this.volume = Files.getFileStore(directory);
      this.minFreeBytes = minFree.of(volume.getTotalSpace());
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }

  /** Bytes charged now: what the index has, and what is reserved. */
  long used() {
    return index.charge().usedBytes();
  }

  /** The budget in force now. */
  long capacity() {
    long free;
    try {
      free = volume.getUsableSpace() + inCompaction.get();
    } catch (IOException e) {
      throw Faults.of(e);
    }
    return Math.max(0, Math.min(diskMaxBytes, used() + free - minFreeBytes));
  }

  /** Bytes over the budget if this much more came; 0 or less when it fits. */
  long shortBy(long more) {
    return used() + more - capacity();
  }

  /** Charges bytes if they fit. */
  synchronized boolean tryReserve(long bytes) {
    if (shortBy(bytes) > 0) {
      return false;
    }
    index.reserve(bytes);
    return true;
  }

  /**
   * Gives a charge back that led to no record; what did is moved by {@link IndexChange#unreserve}.
   */
  void release(long bytes) {
    index.reserve(-bytes);
  }

  long reserved() {
    return index.charge().reservedBytes();
  }

  void smallDeleted(long bytes) {
    inCompaction.addAndGet(bytes);
  }

  /** Called about once a second: compaction gave some of it back. */
  void fade() {
    inCompaction.getAndUpdate(bytes -> bytes - (bytes + 15) / 16);
  }
}
