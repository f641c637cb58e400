package dev.larder.erofs;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the first pass learns about each directory and the second needs when it enters it: rows by
 * preorder number. The first 32,768 rows lie in the heap, the others in a mapped temporary file.
 *
 * <p>One thread.
 */
final class DirectoryTable implements Closeable {
  private static final int ROW = 24;
  private static final int ROWS_PER_PART = 1 << 15;
  private static final int PART = ROW * ROWS_PER_PART;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  private final Path directory;
  private final Arena arena = Arena.ofConfined();
  private final List<MemorySegment> parts = new ArrayList<>();
  private @Nullable Path file;
  private @Nullable FileChannel channel;

  DirectoryTable(Path directory) {
    this.directory = directory;
  }

  /** Size of the entries in bytes; links; newest change. */
  void put(long index, long sizeBytes, int links, long mtimeSeconds, int mtimeNanos)
      throws IOException {
    while (parts.size() <= index / ROWS_PER_PART) {
      addPart();
    }
    MemorySegment part = parts.get((int) (index / ROWS_PER_PART));
    long at = index % ROWS_PER_PART * ROW;
    part.set(LONG, at, sizeBytes);
    part.set(LONG, at + 8, mtimeSeconds);
    part.set(INT, at + 16, mtimeNanos);
    part.set(INT, at + 20, links);
  }

  long sizeBytes(long index) {
    return part(index).get(LONG, at(index));
  }

  int links(long index) {
    return part(index).get(INT, at(index) + 20);
  }

  long mtimeSeconds(long index) {
    return part(index).get(LONG, at(index) + 8);
  }

  int mtimeNanos(long index) {
    return part(index).get(INT, at(index) + 16);
  }

  private MemorySegment part(long index) {
    return parts.get((int) (index / ROWS_PER_PART));
  }

  private static long at(long index) {
    return index % ROWS_PER_PART * ROW;
  }

  private void addPart() throws IOException {
    if (parts.isEmpty()) {
      parts.add(MemorySegment.ofArray(new byte[PART]));
      return;
    }
    FileChannel out = channel;
    if (out == null) {
      Path created = Files.createTempFile(directory, "directories", ".tmp");
      file = created;
      out = FileChannel.open(created, StandardOpenOption.READ, StandardOpenOption.WRITE);
      channel = out;
    }
    // Zeros are written first: a full disk must show here and not as a signal in the mapping.
    long start = (long) (parts.size() - 1) * PART;
    ByteBuffer zeros = ByteBuffer.allocate(1 << 16);
    for (long at = start; at < start + PART; ) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), start + PART - at));
      at += out.write(zeros, at);
    }
    parts.add(out.map(FileChannel.MapMode.READ_WRITE, start, PART, arena));
  }

  @Override
  public void close() throws IOException {
    parts.clear();
    arena.close();
    FileChannel open = channel;
    if (open != null) {
      open.close();
    }
    Path created = file;
    if (created != null) {
      Files.deleteIfExists(created);
    }
  }
}
