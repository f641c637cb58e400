package dev.larder.erofs;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Sorts byte records in unsigned bytewise order with bounded heap: what does not fit goes to sorted
 * run files, which are merged. Equal records are all kept.
 *
 * <p>One thread. Deletes its files on {@link #close}.
 */
final class ExternalSorter implements Closeable {
  /*
   * Records lie in one array ("arena") as a 4-byte length and the bytes; an int array of offsets is
   * what gets sorted, by a merge sort that notices ordered input, because listings of object stores
   * arrive nearly sorted. A full arena becomes a run file. Once sealed, at most FAN_IN runs remain,
   * each read through a buffer of its own, so the merge needs no more heap than the arena did.
   */

  /** Longest record; a run's buffer must hold one. */
  static final int RECORD_MAX = 64 << 10;

  private static final int RUN_BUFFER = 128 << 10;
  private static final int FIRST_ARENA = 64 << 10;

  private final Path directory;
  private final String label;
  private final int arenaMax;
  private final int fanIn;
  private final List<Path> runs = new ArrayList<>();
  private byte[] arena = new byte[0];
  private int arenaUsed;
  private int[] offsets = new int[0];
  private int count;
  private boolean sealed;
  private boolean closed;

  /**
   * @param directory where run files go; belongs to the caller
   * @param label first part of their names
   * @param memoryBytes bound on the heap taken, at least 1 MiB
   */
  ExternalSorter(Path directory, String label, long memoryBytes) {
    this.directory = directory;
    this.label = label;
    // An eighth is set aside for the offsets and their copy while they are sorted.
    this.arenaMax = (int) Math.min(memoryBytes - memoryBytes / 8, 1 << 30);
    this.fanIn = (int) Math.max(2, Math.min(memoryBytes / RUN_BUFFER, 256));
  }

  void add(byte[] record, int length) throws IOException {
    if (sealed || length > RECORD_MAX) {
      throw new IllegalStateException("sealed=" + sealed + " length=" + length);
    }
    if (arenaUsed + 4 + length > arenaMax || 8L * (count + 1) > arenaMax / 6) {
      spill();
    }
    ensure(4 + length);
    offsets[count++] = arenaUsed;
    putInt(arena, arenaUsed, length);
    System.arraycopy(record, 0, arena, arenaUsed + 4, length);
    arenaUsed += 4 + length;
  }

  /** Ends the adding. After this {@link #open} may be called, any number of times. */
  void seal() throws IOException {
    if (sealed) {
      return;
    }
    sealed = true;
    if (runs.isEmpty()) {
      sortOffsets();
      return;
    }
    spill();
    arena = new byte[0];
    offsets = new int[0];
    while (runs.size() > fanIn) {
      List<Path> group = new ArrayList<>(runs.subList(0, fanIn));
      Path merged = Files.createTempFile(directory, label, ".run");
      runs.add(merged);
      try (RecordCursor in = MergeCursor.open(group, RUN_BUFFER);
          RunFile.Writer out = new RunFile.Writer(merged)) {
        while (in.next()) {
          out.add(in.bytes(), in.offset(), in.length());
        }
      }
      runs.subList(0, fanIn).clear();
      for (Path path : group) {
        Files.delete(path);
      }
    }
  }

  /** All records in order. The caller closes the cursor, before this sorter. */
  RecordCursor open() throws IOException {
    if (!sealed || closed) {
      throw new IllegalStateException("sealed=" + sealed + " closed=" + closed);
    }
    return runs.isEmpty() ? new ArenaCursor() : MergeCursor.open(runs, RUN_BUFFER);
  }

  @Override
  public void close() throws IOException {
    closed = true;
    sealed = true;
    arena = new byte[0];
    offsets = new int[0];
    IOException fault = null;
    for (Path run : runs) {
      try {
        Files.deleteIfExists(run);
      } catch (IOException e) {
        if (fault == null) {
          fault = e;
        } else {
          fault.addSuppressed(e);
        }
      }
    }
    runs.clear();
    if (fault != null) {
      throw fault;
    }
  }

  private void ensure(int more) {
    if (arenaUsed + more > arena.length) {
      long wanted = Math.max(Math.max(2L * arena.length, FIRST_ARENA), arenaUsed + more);
      arena = Arrays.copyOf(arena, (int) Math.min(wanted, arenaMax));
    }
    if (count == offsets.length) {
      offsets = Arrays.copyOf(offsets, Math.max(1024, 2 * count));
    }
  }

  private void spill() throws IOException {
    if (count == 0) {
      return;
    }
    sortOffsets();
    Path run = Files.createTempFile(directory, label, ".run");
    runs.add(run);
    try (RunFile.Writer out = new RunFile.Writer(run)) {
      for (int i = 0; i < count; i++) {
        out.add(arena, offsets[i] + 4, getInt(arena, offsets[i]));
      }
    }
    count = 0;
    arenaUsed = 0;
  }

  private int compare(int left, int right) {
    int leftStart = left + 4;
    int rightStart = right + 4;
    return Arrays.compareUnsigned(
        arena,
        leftStart,
        leftStart + getInt(arena, left),
        arena,
        rightStart,
        rightStart + getInt(arena, right));
  }

  private void sortOffsets() {
    if (count > 1) {
      mergeSort(offsets, new int[(count + 1) / 2], 0, count);
    }
  }

  private void mergeSort(int[] a, int[] spare, int from, int to) {
    if (to - from < 8) {
      for (int i = from + 1; i < to; i++) {
        int moving = a[i];
        int j = i;
        for (; j > from && compare(a[j - 1], moving) > 0; j--) {
          a[j] = a[j - 1];
        }
        a[j] = moving;
      }
      return;
    }
    int middle = (from + to) >>> 1;
    mergeSort(a, spare, from, middle);
    mergeSort(a, spare, middle, to);
    if (compare(a[middle - 1], a[middle]) <= 0) {
      return;
    }
    int leftCount = middle - from;
    System.arraycopy(a, from, spare, 0, leftCount);
    int left = 0;
    int right = middle;
    int out = from;
    while (left < leftCount && right < to) {
      a[out++] = compare(spare[left], a[right]) <= 0 ? spare[left++] : a[right++];
    }
    System.arraycopy(spare, left, a, out, leftCount - left);
  }

  static void putInt(byte[] target, int at, int value) {
    target[at] = (byte) (value >>> 24);
    target[at + 1] = (byte) (value >>> 16);
    target[at + 2] = (byte) (value >>> 8);
    target[at + 3] = (byte) value;
  }

  static int getInt(byte[] source, int at) {
    return source[at] << 24
        | (source[at + 1] & 0xFF) << 16
        | (source[at + 2] & 0xFF) << 8
        | (source[at + 3] & 0xFF);
  }

  /** Reads the sorted arena. */
  private final class ArenaCursor implements RecordCursor {
    private int index = -1;

    @Override
    public boolean next() {
      index++;
      return index < count;
    }

    @Override
    public byte[] bytes() {
      return arena;
    }

    @Override
    public int offset() {
      return offsets[index] + 4;
    }

    @Override
    public int length() {
      return getInt(arena, offsets[index]);
    }

    @Override
    public void close() {}
  }
}
