package dev.larder.perf.measure;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Loops that read files; the same for what is measured and for what it is measured against. */
final class FileReads {
  private static final int PART_BYTES = 1 << 20;
  private static final int SMALL_BYTES = 4096;
  private static final long SEED = 4096;
  private static final long MINUTES_MAX = 5;

  private FileReads() {}

  /** Work of one of several threads. */
  @FunctionalInterface
  private interface Work {
    void run(int thread) throws IOException;
  }

  /** GB/s of one reader from the first byte to the end. */
  static double sequential(Path file) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(PART_BYTES);
    long started = System.nanoTime();
    long bytes;
    try (FileChannel channel = FileChannel.open(file)) {
      bytes = part(channel, buffer, 0, channel.size());
    }
    return bytes / (double) (System.nanoTime() - started);
  }

  /**
   * What reading a file from the first byte to the end took.
   *
   * @param firstByteMillis from before the open to the end of the first read, of 4 KiB
   */
  record Timed(double gigabytesPerSecond, double firstByteMillis) {}

  /** One reader from the first byte to the end, the open counted with it. */
  static Timed timed(Path file) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(PART_BYTES);
    long started = System.nanoTime();
    try (FileChannel channel = FileChannel.open(file)) {
      long first = part(channel, buffer, 0, SMALL_BYTES);
      long firstNanos = System.nanoTime() - started;
      long bytes = first + part(channel, buffer, first, channel.size() - first);
      return new Timed(bytes / (double) (System.nanoTime() - started), firstNanos / 1e6);
    }
  }

  /** GB/s of several readers, each with its own part of the first bytes of a file. */
  static double sequential(Path file, long bytes, int readers) throws Exception {
    long each = bytes / readers;
    long nanos =
        inThreads(
            readers,
            reader -> {
              try (FileChannel channel = FileChannel.open(file)) {
                part(channel, ByteBuffer.allocateDirect(PART_BYTES), reader * each, each);
              }
            });
    return each * readers / (double) nanos;
  }

  /** GB/s of one who maps a file and copies it out of memory. */
  static double mapped(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file);
        Arena arena = Arena.ofConfined()) {
      long size = channel.size();
      MemorySegment buffer = arena.allocate(PART_BYTES);
      long started = System.nanoTime();
      MemorySegment map = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      for (long at = 0; at < size; at += PART_BYTES) {
        MemorySegment.copy(map, at, buffer, 0, Math.min(PART_BYTES, size - at));
      }
      return size / (double) (System.nanoTime() - started);
    }
  }

  /** Reads of 4 KiB a second at random places among the first bytes, none of them twice. */
  static double random(Path file, long bytes, int threads, int reads, int round) throws Exception {
    long[] places = places(bytes, reads, SEED + round);
    int each = reads / threads;
    long nanos =
        inThreads(
            threads,
            thread -> {
              ByteBuffer buffer = ByteBuffer.allocateDirect(SMALL_BYTES);
              try (FileChannel channel = FileChannel.open(file)) {
                for (int i = thread * each; i < (thread + 1) * each; i++) {
                  if (channel.read(buffer.clear(), places[i]) != SMALL_BYTES) {
                    throw new IOException("a short read of " + file + " at " + places[i]);
                  }
                }
              }
            });
    return (double) each * threads / nanos * 1e9;
  }

  /** Seconds to open, read and close files one by one. */
  static double small(Path directory, List<String> names, int sizeBytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(sizeBytes + 1);
    long started = System.nanoTime();
    for (String name : names) {
      try (FileChannel channel = FileChannel.open(directory.resolve(name))) {
        int bytes = channel.read(buffer.clear());
        if (bytes != sizeBytes) {
          throw new IOException(name + ": read " + bytes + " bytes of " + sizeBytes);
        }
      }
    }
    return (System.nanoTime() - started) / 1e9;
  }

  private static long part(FileChannel channel, ByteBuffer buffer, long from, long length)
      throws IOException {
    long at = from;
    while (at < from + length) {
      buffer.clear().limit((int) Math.min(buffer.capacity(), from + length - at));
      int count = channel.read(buffer, at);
      if (count <= 0) {
        throw new IOException("the file ends at " + at);
      }
      at += count;
    }
    return length;
  }

  private static long[] places(long bytes, int count, long seed) {
    int pages = Math.toIntExact(bytes / SMALL_BYTES);
    int[] order = new int[pages];
    for (int i = 0; i < pages; i++) {
      order[i] = i;
    }
    SplittableRandom random = new SplittableRandom(seed);
    long[] places = new long[count];
    for (int i = 0; i < count; i++) {
      int other = random.nextInt(i, pages);
      int page = order[other];
      order[other] = order[i];
      order[i] = page;
      places[i] = (long) page * SMALL_BYTES;
    }
    return places;
  }

  private static long inThreads(int threads, Work work) throws Exception {
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      long started = System.nanoTime();
      List<Future<?>> parts = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        int thread = i;
        parts.add(
            pool.submit(() -> {
              work.run(thread);
              return null;
            }));
      }
      for (Future<?> part : parts) {
        part.get(MINUTES_MAX, TimeUnit.MINUTES);
      }
      return System.nanoTime() - started;
    }
  }
}
