package dev.larder.fuse;

import dev.larder.protocol.BlobKey;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The agent's view of the rows: which row a key has, which rows are free, and the counts that keep
 * a row from being freed.
 *
 * <p><b>Threads:</b> any. {@code mode}, {@code opens}, {@code backing} and {@code flags} of a row
 * are written under its {@link #lock}; state, key, generation and {@code lookups} under this
 * object's monitor. Order: a row's lock, then the monitor; never two rows' locks.
 */
public final class InodeTable {
  /*
   * A row is free again when the kernel has forgotten it, and not before, whoever lists its key:
   * while a dentry of it is cached the kernel never looks the name up again (its lifetime is the
   * maximum), so it would open a node id that means nothing any more. Both counts may be too high
   * after a crash between counting and noting that it was counted; then the row stays, which harms
   * nobody. They are never too low.
   */
  private static final int STRIPES = 256;
  private static final int LOOKUPS_MAX = Integer.MAX_VALUE;

  private final Rows rows;
  private final ReentrantLock[] stripes = new ReentrantLock[STRIPES];
  private final KeyIndex index;
  private int[] free = new int[64];
  private int freeCount;
  private long freed;

  private InodeTable(Rows rows) {
    this.rows = rows;
    this.index = new KeyIndex(rows);
    Arrays.setAll(stripes, i -> new ReentrantLock());
  }

  /** Reads the rows once and makes the map of keys from them. */
  public static InodeTable rebuild(Rows rows) {
    InodeTable table = new InodeTable(rows);
    int touched = rows.touched();
    for (int row = Layout.ROW_KEYS; row < touched; row++) {
      if (rows.state(row) != Rows.USED) {
        table.pushFree(row);
      } else if (table.index.add(row)) {
        table.freeIfIdle(row);
      }
    }
    return table;
  }

  /** The rows themselves. */
  public Rows rows() {
    return rows;
  }

  /** The lock of a row; several rows share one. */
  ReentrantLock lock(int row) {
    return stripes[row & (STRIPES - 1)];
  }

  /** Rows that hold keys. */
  public synchronized int size() {
    return index.size();
  }

  /** Rows that could hold keys. */
  public int capacity() {
    return rows.count() - Layout.ROW_KEYS;
  }

  /** A key's row, or -1. */
  public synchronized int find(BlobKey key) {
    return index.find(key);
  }

  /** A key's row, counted as told to the kernel once more; -1 when it has none. */
  synchronized int hold(BlobKey key) {
    int row = index.find(key);
    if (row >= 0) {
      countLookup(row);
    }
    return row;
  }

  /** As {@link #hold}, and gives the key a row where it has none; -1 when the table is full. */
  synchronized int holdOrAdd(BlobKey key, long sizeBytes) {
    int row = index.find(key);
    if (row < 0) {
      row = takeFree();
      if (row < 0) {
        return -1;
      }
      rows.putKey(row, key, sizeBytes);
      rows.putState(row, Rows.USED);
      index.add(row);
    }
    countLookup(row);
    return row;
  }

  /** The kernel forgot a row so many times. */
  synchronized void forget(int row, long times) {
    forget(rows, row, times);
  }

  /** The same where nobody else writes the rows. */
  static void forget(Rows rows, int row, long times) {
    int before = rows.lookups(row);
    if (before != LOOKUPS_MAX) {
      boolean all = times < 0 || times >= before;
      rows.putLookups(row, all ? 0 : before - (int) times);
    }
  }

  /**
   * Frees a row that nobody has open and that the kernel has forgotten; to be called whenever one
   * of the two may have become true.
   */
  boolean freeIfIdle(int row) {
    if (!Rows.isKeys(row) || !isIdle(row)) {
      return false;
    }
    ReentrantLock lock = lock(row);
    lock.lock();
    try {
      synchronized (this) {
        if (!isIdle(row)) {
          return false;
        }
        index.remove(row);
        rows.putState(row, Rows.FREE);
        rows.putGeneration(row, rows.generation(row) + 1);
        pushFree(row);
        freed++;
        notifyAll();
        return true;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether a further key finds a row. */
  synchronized boolean hasRoom() {
    return freeCount > 0 || rows.touched() < rows.count();
  }

  /** Rows freed since the start. */
  synchronized long freed() {
    return freed;
  }

  /** Waits until there is room, or for so long; says whether there is. */
  synchronized boolean awaitRoom(long millis) throws InterruptedException {
    if (!hasRoom()) {
      wait(millis);
    }
    return hasRoom();
  }

  private boolean isIdle(int row) {
    return rows.state(row) == Rows.USED
        && rows.opens(row) == 0
        && rows.lookups(row) == 0
        && rows.mode(row) == Rows.CLOSED;
  }

  private void countLookup(int row) {
    int before = rows.lookups(row);
    if (before != LOOKUPS_MAX) {
      rows.putLookups(row, before + 1);
    }
  }

  private int takeFree() {
    if (freeCount > 0) {
      return free[--freeCount];
    }
    int row = rows.touched();
    if (row >= rows.count()) {
      return -1;
    }
    // First, so that a row in use is never beyond what the next agent looks at.
    rows.putTouched(row + 1);
    return row;
  }

  private void pushFree(int row) {
    if (freeCount == free.length) {
      free = Arrays.copyOf(free, 2 * freeCount);
    }
    free[freeCount++] = row;
  }
}
