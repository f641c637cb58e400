package dev.larder.fuse;

import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files the kernel reads by itself. A row has one backing from its first open to its last release,
 * and keeps it a moment longer, until {@link #closeIdle}: never is an id closed while an open that
 * names it may still be on its way to the kernel.
 *
 * <p><b>Threads:</b> any; calls that name a row are made under its lock.
 */
final class Passthrough {
  private static final Logger log = LoggerFactory.getLogger(Passthrough.class);

  private final boolean isOn;
  private final int backingMax;
  private final InodeTable table;
  private final Rows rows;
  private final Backings backings;
  private final Counters counters;
  private final AtomicInteger inUse = new AtomicInteger();
  private final Set<Integer> idle = ConcurrentHashMap.newKeySet();

  /** Ids no row has any more; they are never given again before the kernel has let them go. */
  private final Set<Integer> closing = ConcurrentHashMap.newKeySet();

  Passthrough(
      boolean isOn, int backingMax, InodeTable table, Backings backings, Counters counters) {
    this.isOn = isOn;
    this.backingMax = backingMax;
    this.table = table;
    this.rows = table.rows();
    this.backings = backings;
    this.counters = counters;
  }

  int inUse() {
    return inUse.get();
  }

  boolean hasIdle() {
    return !idle.isEmpty() || !closing.isEmpty();
  }

  /** Counts a backing that a former agent opened. */
  void adopt(int row) {
    inUse.incrementAndGet();
    if (rows.opens(row) == 0) {
      idle.add(row);
    }
  }

  /** Whether {@link #open} is worth a try for a row nobody has open. */
  boolean isWanted(int row, OpenedBlob blob) {
    return isOn
        && (rows.flags(row) & Rows.REFUSED) == 0
        && inUse.get() < backingMax
        && blob.sealedFile().isPresent();
  }

  /** Makes the row's blob one the kernel reads by itself; false when that cannot be. May wait. */
  boolean open(int row, OpenedBlob blob) {
    Optional<Path> file = isOn ? blob.sealedFile() : Optional.empty();
    if (file.isEmpty() || (rows.flags(row) & Rows.REFUSED) != 0) {
      return false;
    }
    if (inUse.incrementAndGet() > backingMax) {
      inUse.decrementAndGet();
      return false;
    }
    int id = backing(row, file.get());
    if (id <= 0) {
      inUse.decrementAndGet();
      return false;
    }
    rows.putBacking(row, id);
    rows.putMode(row, Rows.PASSTHROUGH);
    dropCached(row);
    return true;
  }

  /**
   * Has the kernel drop what it read through an agent: else it would keep the bytes twice. Nobody
   * has them open, so there is no read to wait for.
   */
  private void dropCached(int row) {
    if ((rows.flags(row) & Rows.CACHED) == 0) {
      return;
    }
    try {
      boolean unused = backings.invalidate(rows.nodeId(row));
      rows.putFlags(row, rows.flags(row) & ~Rows.CACHED);
    } catch (LinuxException | LarderException e) {
      // Memory the kernel can take back; tried again when the file goes over the next time.
      log.info("bytes stay cached twice key={}: {}", rows.key(row), e.getMessage());
    }
  }

  /** Nobody has the row open any more. */
  void released(int row) {
    idle.add(row);
  }

  /** Closes the backings of rows that nobody has open; may wait. Not under a row's lock. */
  void closeIdle() {
    for (int row : idle) {
      int id = 0;
      table.lock(row).lock();
      try {
        idle.remove(row);
        if (rows.opens(row) == 0 && rows.isBacked(row)) {
          id = rows.backing(row);
          // Before it is asked for: nobody may be given an id that could be closed already, be it
          // that the answer is lost or that this agent dies. At worst the kernel keeps a file.
          rows.putMode(row, Rows.CLOSED);
          rows.putBacking(row, 0);
        }
      } finally {
        table.lock(row).unlock();
      }
      if (id != 0) {
        closing.add(id);
      }
      boolean unused = table.freeIfIdle(row);
    }
    for (int id : closing) {
      if (close(id) && closing.remove(id)) {
        inUse.decrementAndGet();
      }
    }
  }

  private int backing(int row, Path path) {
    try (Fd file = Fd.open(path, Fd.O_RDONLY | Fd.O_NOFOLLOW)) {
      if (file.size() != rows.sizeBytes(row)) {
        log.error("sealed file has another size key={} bytes={}", rows.key(row), file.size());
        return 0;
      }
      return ask(row, file);
    } catch (LinuxException e) {
      // Evicted a moment ago: read as what it is now.
      log.info("sealed file cannot be opened key={}: {}", rows.key(row), e.getMessage());
      return 0;
    }
  }

  private int ask(int row, Fd file) {
    try {
      return backings.open(file);
    } catch (LinuxException e) {
      rows.putFlags(row, rows.flags(row) | Rows.REFUSED);
      counters.refusals.increment();
      log.info(
          "the kernel does not read a file by itself key={}: {}", rows.key(row), e.getMessage());
      return 0;
    } catch (LarderException e) {
      log.warn("nobody opens backings code={}: {}", e.code(), e.getMessage());
      return 0;
    }
  }

  /** Whether the kernel does not hold it any more. */
  private boolean close(int id) {
    try {
      backings.close(id);
    } catch (LinuxException e) {
      // Gone already: the answer to an earlier try was lost.
      if (e.errno() != Errno.ENOENT) {
        log.error("backing cannot be closed id={}: {}", id, e.getMessage());
      }
    } catch (LarderException e) {
      log.debug("nobody closes backings code={}: {}", e.code(), e.getMessage());
      return false;
    }
    return true;
  }
}
