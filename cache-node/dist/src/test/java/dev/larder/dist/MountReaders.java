package dev.larder.dist;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** Threads that open, read and compare files of a mount until they are stopped. */
final class MountReaders implements AutoCloseable {
  private static final int PIECE = 64 << 10;

  private final Path target;
  private final List<Map.Entry<String, byte[]>> files;

  /** A read that takes so long waits for more than the disk. */
  private static final long WAIT_NANOS = 20_000_000;

  private final AtomicLong reads = new AtomicLong();
  private final AtomicLong waited = new AtomicLong();
  private final Map<Thread, Long> begun = new ConcurrentHashMap<>();
  private final AtomicLong longestNanos = new AtomicLong();
  private final Queue<String> failures = new ConcurrentLinkedQueue<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean isStopped;

  private MountReaders(Path target, Map<String, byte[]> files) {
    this.target = target;
    this.files = files.entrySet().stream().filter(file -> file.getValue().length > 0).toList();
  }

  static MountReaders start(Path target, Map<String, byte[]> files, int count) {
    MountReaders readers = new MountReaders(target, files);
    for (int i = 0; i < count; i++) {
      Random random = new Random(i);
      readers.threads.add(
          Thread.ofPlatform().daemon().name("reader-" + i).start(() -> readers.run(random)));
    }
    return readers;
  }

  /** Adds a thread that keeps a file open and mapped all the time, and reads both ways. */
  void holdOpen(String path) {
    byte[] wanted =
        files.stream()
            .filter(file -> file.getKey().equals(path))
            .findFirst()
            .orElseThrow()
            .getValue();
    threads.add(
        Thread.ofPlatform().daemon().name("holder").start(() -> hold(path, wanted, new Random(9))));
  }

  private void hold(String path, byte[] wanted, Random random) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(PIECE);
    try (FileChannel channel = FileChannel.open(target.resolve(path));
        Arena arena = Arena.ofConfined()) {
      MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, wanted.length, arena);
      MemorySegment right = MemorySegment.ofArray(wanted);
      while (!isStopped && failures.size() < 20) {
        int at = random.nextInt(wanted.length);
        int length = Math.min(1 + random.nextInt(PIECE), wanted.length - at);
        long started = begin();
        if (MemorySegment.mismatch(mapped, at, at + length, right, at, at + length) >= 0) {
          failures.add(path + " mapped differs at " + at + "+" + length);
        }
        buffer.clear().limit(length);
        while (buffer.hasRemaining() && channel.read(buffer, at + buffer.position()) > 0) {
          // Until the piece is full.
        }
        if (buffer.flip().mismatch(ByteBuffer.wrap(wanted, at, length)) >= 0) {
          failures.add(path + " held open differs at " + at + "+" + length);
        }
        long unused = ended(started);
        begun.remove(Thread.currentThread());
        LockSupport.parkNanos(1_000_000);
      }
    } catch (IOException | InternalError e) {
      // A page that cannot be read is an InternalError.
      failures.add(path + " held open: " + e);
    }
  }

  long reads() {
    return reads.get();
  }

  /** Reads that had to wait and were answered. */
  long waited() {
    return waited.get();
  }

  /** Whether a read waits now. */
  boolean isWaiting() {
    long now = System.nanoTime();
    return begun.values().stream().anyMatch(since -> now - since > WAIT_NANOS);
  }

  private long begin() {
    long now = System.nanoTime();
    begun.put(Thread.currentThread(), now);
    return now;
  }

  private long ended(long started) {
    long now = System.nanoTime();
    begun.put(Thread.currentThread(), now);
    longestNanos.accumulateAndGet(now - started, Math::max);
    waited.addAndGet(now - started > WAIT_NANOS ? 1 : 0);
    reads.incrementAndGet();
    return now;
  }

  double longestPauseSeconds() {
    return longestNanos.get() / 1e9;
  }

  /** What went wrong, a line each. */
  String failures() {
    return String.join("\n", failures);
  }

  void stop() throws InterruptedException {
    isStopped = true;
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private void run(Random random) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(PIECE);
    while (!isStopped && failures.size() < 20) {
      Map.Entry<String, byte[]> file = files.get(random.nextInt(files.size()));
      byte[] wanted = file.getValue();
      long started = begin();
      try (FileChannel channel = FileChannel.open(target.resolve(file.getKey()))) {
        for (int i = 0; i < 4 && !isStopped; i++) {
          int at = random.nextInt(wanted.length);
          int length = Math.min(1 + random.nextInt(PIECE), wanted.length - at);
          buffer.clear().limit(length);
          while (buffer.hasRemaining() && channel.read(buffer, at + buffer.position()) > 0) {
            // Until the piece is full.
          }
          if (buffer.flip().mismatch(ByteBuffer.wrap(wanted, at, length)) >= 0) {
            failures.add(file.getKey() + " differs at " + at + "+" + length);
          }
          started = ended(started);
        }
      } catch (IOException e) {
        failures.add(file.getKey() + ": " + e);
      }
      begun.remove(Thread.currentThread());
      LockSupport.parkNanos(1_000_000);
    }
    begun.remove(Thread.currentThread());
  }

  @Override
  public void close() {
    isStopped = true;
  }
}
