package dev.larder.fuse;

import com.sun.nio.file.ExtendedOpenOption;
import dev.larder.fuse.TestBlobs.Manner;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Reads blobs in every way and checks each byte, until told to stop; a process of its own, as a
 * thread that waits for a page of a mapped file keeps its whole JVM from collecting garbage.
 */
final class ReadMain {
  static final int BLOBS = 24;
  static final long SIZE = 600_000;

  private final Path root;
  private final AtomicLong operations = new AtomicLong();
  private final AtomicLong errors = new AtomicLong();
  private final AtomicLong longestNanos = new AtomicLong();
  private volatile boolean isStopping;

  private ReadMain(Path root) {
    this.root = root;
  }

  /** Manner of the blob with a number. */
  static Manner manner(int number) {
    return switch (number % 3) {
      case 0 -> Manner.LOCAL;
      case 1 -> Manner.SEALED;
      default -> Manner.WAITING;
    };
  }

  /** Root of the name space, seed. */
  public static void main(String[] arguments) throws Exception {
    ReadMain main = new ReadMain(Path.of(arguments[0]));
    Random seeds = new Random(Long.parseLong(arguments[1]));
    List<Thread> threads = new ArrayList<>();
    for (Work work :
        List.<Work>of(
            main::readDirect,
            main::readDirect,
            main::readWhole,
            main::readWhole,
            main::map,
            main::readKeptOpen,
            main::stat)) {
      Random random = new Random(seeds.nextLong());
      threads.add(Thread.ofPlatform().start(() -> main.repeat(work, random)));
    }
    System.out.println("ready");
    System.out.flush();
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    boolean isTold = input.readLine() != null;
    main.isStopping = true;
    for (Thread thread : threads) {
      thread.join();
    }
    if (isTold) {
      System.out.println(
          "read "
              + main.operations
              + " errors "
              + main.errors
              + " longest "
              + main.longestNanos.get() / 1_000_000);
    }
  }

  private interface Work {
    void once(Random random) throws IOException;
  }

  private void repeat(Work work, Random random) {
    while (!isStopping) {
      try {
        work.once(random);
      } catch (Throwable e) {
        errors.incrementAndGet();
        e.printStackTrace();
      }
    }
  }

  /** Counts what began then, one call of the system or nearly so. */
  private void done(long begin) {
    operations.incrementAndGet();
    longestNanos.accumulateAndGet(System.nanoTime() - begin, Math::max);
  }

  private Path file(int number) {
    return root.resolve(TestBlobs.key(number, manner(number)).diskName());
  }

  private void readDirect(Random random) throws IOException {
    int number = random.nextInt(BLOBS);
    try (FileChannel channel =
        FileChannel.open(file(number), StandardOpenOption.READ, ExtendedOpenOption.DIRECT)) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(140_000).alignedSlice(4096);
      for (int i = 0; i < 20; i++) {
        buffer.clear().limit(4096 << random.nextInt(6));
        read(channel, number, 4096L * random.nextInt((int) (SIZE / 4096)), buffer);
      }
    }
  }

  private void readWhole(Random random) throws IOException {
    int number = random.nextInt(BLOBS);
    long begin = System.nanoTime();
    byte[] bytes = Files.readAllBytes(file(number));
    done(begin);
    if (bytes.length != SIZE) {
      throw new AssertionError("ends at " + bytes.length);
    }
    Content.check(number, 0, ByteBuffer.wrap(bytes));
  }

  private void readKeptOpen(Random random) throws IOException {
    List<FileChannel> open = new ArrayList<>();
    try {
      for (int i = 0; i < 4; i++) {
        open.add(FileChannel.open(file(i)));
      }
      ByteBuffer buffer = ByteBuffer.allocate(70_000);
      for (int i = 0; i < 200 && !isStopping; i++) {
        int number = random.nextInt(4);
        buffer.clear();
        read(open.get(number), number, random.nextLong(SIZE), buffer);
      }
    } finally {
      for (FileChannel channel : open) {
        channel.close();
      }
    }
  }

  private void map(Random random) throws IOException {
    int number = random.nextInt(BLOBS);
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file(number))) {
      MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, SIZE, arena);
      for (int i = 0; i < 30; i++) {
        long at = random.nextLong(SIZE - 5000);
        long begin = System.nanoTime();
        Content.check(number, at, mapped.asSlice(at, 5000).asByteBuffer());
        done(begin);
      }
    }
  }

  private void stat(Random random) throws IOException {
    long begin = System.nanoTime();
    long size = Files.size(file(random.nextInt(BLOBS)));
    done(begin);
    if (size != SIZE) {
      throw new AssertionError("another size");
    }
    if (random.nextInt(1000) == 0) {
      Files.getFileStore(root).getTotalSpace();
    }
    Thread.onSpinWait();
  }

  private void read(FileChannel channel, int seed, long at, ByteBuffer buffer) throws IOException {
    long expected = Math.min(buffer.remaining(), SIZE - at);
    long begin = System.nanoTime();
    int got = channel.read(buffer, at);
    done(begin);
    if (got != expected) {
      throw new AssertionError("read " + got + " of " + expected + " at " + at);
    }
    Content.check(seed, at, buffer.flip());
  }
}
