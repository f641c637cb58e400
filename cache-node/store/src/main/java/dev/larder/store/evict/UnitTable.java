package dev.larder.store.evict;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.util.Arrays;

/**
 * Units by slot number, found by hash and linked into queues, 52 bytes a unit and an index of 4 to
 * 11 bytes a unit. Slots live in chunks, so growing copies nothing but the index.
 */
final class UnitTable {
  static final int NONE = -1;

  /** 1 PiB: far above any file, and leaves 14 bits of the word for the marks. */
  static final long BYTES_MAX = (1L << 50) - 1;

  private static final int CHUNK_BITS = 12;
  private static final int CHUNK = 1 << CHUNK_BITS;
  private static final int CHUNK_MASK = CHUNK - 1;

  private static final int LONGS = 5;
  private static final int WORD = 4;
  private static final int INTS = 3;
  private static final int STRIPE = 0;
  private static final int PREVIOUS = 1;
  private static final int NEXT = 2;

  private static final int FREQUENCY_SHIFT = 50;
  private static final int QUEUE_SHIFT = 52;
  private static final int ORIGIN_SHIFT = 54;

  private long[][] longs = new long[0][];
  private int[][] ints = new int[0][];
  private int slotsUsed;
  private int freeHead = NONE;
  private int size;
  private int[] index = new int[16];

  UnitTable() {
    Arrays.fill(index, NONE);
  }

  int size() {
    return size;
  }

  /** The slot of a unit, or {@link #NONE}. */
  int find(UnitId unit) {
    int at = home(hash(unit));
    while (index[at] != NONE) {
      if (is(index[at], unit)) {
        return index[at];
      }
      at = (at + 1) & (index.length - 1);
    }
    return NONE;
  }

  /** Adds a unit that is not there, in no queue, never used. */
  int add(UnitId unit, long bytes) {
    if (size + 1 > index.length / 4 * 3) {
      grow();
    }
    int slot = takeSlot();
    Digest digest = unit.key().digest();
    long[] chunk = longs[slot >> CHUNK_BITS];
    int base = (slot & CHUNK_MASK) * LONGS;
    chunk[base] = digest.a();
    chunk[base + 1] = digest.b();
    chunk[base + 2] = digest.c();
    chunk[base + 3] = digest.d();
    chunk[base + WORD] = unit.key().kind() == BlobKey.Kind.ORIGIN ? 1L << ORIGIN_SHIFT : 0;
    setInt(slot, STRIPE, unit.stripe());
    setBytes(slot, bytes);
    insert(slot);
    size++;
    return slot;
  }

  /** Takes a unit that is in no queue out; its slot will be used again. */
  void remove(int slot) {
    int hole = home(hash(unit(slot)));
    while (index[hole] != slot) {
      hole = (hole + 1) & (index.length - 1);
    }
    closeHole(hole);
    setInt(slot, NEXT, freeHead);
    freeHead = slot;
    size--;
  }

  UnitId unit(int slot) {
    long[] chunk = longs[slot >> CHUNK_BITS];
    int base = (slot & CHUNK_MASK) * LONGS;
    Digest digest = new Digest(chunk[base], chunk[base + 1], chunk[base + 2], chunk[base + 3]);
    boolean origin = (chunk[base + WORD] >>> ORIGIN_SHIFT & 1) != 0;
    return new UnitId(
        origin ? BlobKey.origin(digest) : BlobKey.sha256(digest), getInt(slot, STRIPE));
  }

  long bytes(int slot) {
    return word(slot) & BYTES_MAX;
  }

  void setBytes(int slot, long bytes) {
    if (bytes < 0 || bytes > BYTES_MAX) {
      throw new IllegalArgumentException("bytes of a unit out of range: " + bytes);
    }
    setWord(slot, (word(slot) & ~BYTES_MAX) | bytes);
  }

  int frequency(int slot) {
    return (int) (word(slot) >>> FREQUENCY_SHIFT & 3);
  }

  void setFrequency(int slot, int frequency) {
    setWord(slot, (word(slot) & ~(3L << FREQUENCY_SHIFT)) | (long) frequency << FREQUENCY_SHIFT);
  }

  /** The queue a unit is in; meaningless before the first {@link #setQueue}. */
  int queue(int slot) {
    return (int) (word(slot) >>> QUEUE_SHIFT & 3);
  }

  void setQueue(int slot, int queue) {
    setWord(slot, (word(slot) & ~(3L << QUEUE_SHIFT)) | (long) queue << QUEUE_SHIFT);
  }

  int previous(int slot) {
    return getInt(slot, PREVIOUS);
  }

  void setPrevious(int slot, int other) {
    setInt(slot, PREVIOUS, other);
  }

  int next(int slot) {
    return getInt(slot, NEXT);
  }

  void setNext(int slot, int other) {
    setInt(slot, NEXT, other);
  }

  /** 64 well-mixed bits of a unit's name; part of the saved format. */
  static long hash(UnitId unit) {
    Digest digest = unit.key().digest();
    long mixed = digest.a() ^ Long.rotateLeft(digest.d(), 32);
    mixed += (unit.stripe() + 2L) * 0x9E3779B97F4A7C15L + unit.key().kind().code();
    mixed = (mixed ^ mixed >>> 30) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
    return mixed ^ mixed >>> 31;
  }

  private boolean is(int slot, UnitId unit) {
    long[] chunk = longs[slot >> CHUNK_BITS];
    int base = (slot & CHUNK_MASK) * LONGS;
    Digest digest = unit.key().digest();
    return chunk[base] == digest.a()
        && chunk[base + 1] == digest.b()
        && chunk[base + 2] == digest.c()
        && chunk[base + 3] == digest.d()
        && getInt(slot, STRIPE) == unit.stripe()
        && (chunk[base + WORD] >>> ORIGIN_SHIFT & 1)
            != 0
            == (unit.key().kind() == BlobKey.Kind.ORIGIN);
  }

  private int home(long hash) {
    return (int) hash & (index.length - 1);
  }

  private void insert(int slot) {
    int at = home(hash(unit(slot)));
    while (index[at] != NONE) {
      at = (at + 1) & (index.length - 1);
    }
    index[at] = slot;
  }

  /** Moves later entries of a probe sequence forward, so that no tombstones are needed. */
  private void closeHole(int start) {
    int mask = index.length - 1;
    int hole = start;
    int at = hole;
    while (true) {
      at = (at + 1) & mask;
      if (index[at] == NONE) {
        break;
      }
      int home = home(hash(unit(index[at])));
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        index[hole] = index[at];
        hole = at;
      }
    }
    index[hole] = NONE;
  }

  private void grow() {
    int[] old = index;
    index = new int[Math.multiplyExact(old.length, 2)];
    Arrays.fill(index, NONE);
    for (int slot : old) {
      if (slot != NONE) {
        insert(slot);
      }
    }
  }

  private int takeSlot() {
    if (freeHead != NONE) {
      int slot = freeHead;
      freeHead = getInt(slot, NEXT);
      return slot;
    }
    int chunk = slotsUsed >> CHUNK_BITS;
    if (chunk == longs.length) {
      longs = Arrays.copyOf(longs, chunk + 1);
      ints = Arrays.copyOf(ints, chunk + 1);
      longs[chunk] = new long[CHUNK * LONGS];
      ints[chunk] = new int[CHUNK * INTS];
    }
    return slotsUsed++;
  }

  private long word(int slot) {
    return longs[slot >> CHUNK_BITS][(slot & CHUNK_MASK) * LONGS + WORD];
  }

  private void setWord(int slot, long word) {
    longs[slot >> CHUNK_BITS][(slot & CHUNK_MASK) * LONGS + WORD] = word;
  }

  private int getInt(int slot, int field) {
    return ints[slot >> CHUNK_BITS][(slot & CHUNK_MASK) * INTS + field];
  }

  private void setInt(int slot, int field, int value) {
    ints[slot >> CHUNK_BITS][(slot & CHUNK_MASK) * INTS + field] = value;
  }
}
