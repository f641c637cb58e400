package dev.larder.dist.quickstart;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that open, read and compare files of two mounts until they are stopped: one mount whose
 * files are complete, one whose files are not. A failing call is counted, never tried again.
 */
final class EndlessReaders implements AutoCloseable {
  private static final int PIECE_BYTES = 64 << 10;
  private static final int THREADS_EACH = 2;
  // Slow enough that the incomplete files last over all kills.
  private static final long PAUSE_NANOS = 2_000_000;

  private final AtomicLong errors = new AtomicLong();
  private final AtomicLong mismatches = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicLong incompleteBytes = new AtomicLong();
  private final AtomicLong longestNanos = new AtomicLong();
  private final AtomicInteger nextFile = new AtomicInteger();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean isStopped;

  private EndlessReaders() {}

  static EndlessReaders start(MountReader complete, MountReader incomplete) throws IOException {
    EndlessReaders readers = new EndlessReaders();
    List<Path> completeFiles = MountReader.regularFiles(complete.source());
    List<Path> incompleteFiles = MountReader.regularFiles(incomplete.source());
    for (int i = 0; i < THREADS_EACH; i++) {
      Random random = new Random(i);
      readers.run(() -> readers.readRandomly(complete, completeFiles, random));
      readers.run(() -> readers.readThrough(incomplete, incompleteFiles));
    }
    return readers;
  }

  double longestPauseSeconds() {
    return longestNanos.get() / 1e9;
  }

  /**
   * Waits until something of the incomplete files was read, so that what happens next happens under
   * such reads; where nothing can be read of them, until a reader has failed.
   */
  void awaitIncomplete() {
    while (incompleteBytes.get() == 0 && errors.get() == 0) {
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  /** Ends the threads and says what they saw. */
  MountReport.Killed stop(int kills) throws InterruptedException {
    isStopped = true;
    for (Thread thread : threads) {
      thread.join();
    }
    return new MountReport.Killed(
        kills,
        errors.get(),
        longestPauseSeconds(),
        bytes.get(),
        incompleteBytes.get(),
        mismatches.get());
  }

  @Override
  public void close() {
    isStopped = true;
  }

  private void run(Runnable body) {
    threads.add(Thread.ofPlatform().daemon().name("reader").start(body));
  }

  private void readRandomly(MountReader mount, List<Path> files, Random random) {
    while (!isStopped) {
      Path path = files.get(random.nextInt(files.size()));
      try (FileChannel wanted = FileChannel.open(mount.source().resolve(path))) {
        long at = random.nextLong(Math.max(1, wanted.size()));
        readOne(mount, path, wanted, List.of(at), bytes);
      } catch (IOException e) {
        failed(mount, path, e);
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  private void readThrough(MountReader mount, List<Path> files) {
    while (!isStopped) {
      Path path = files.get(nextFile.getAndIncrement() % files.size());
      try (FileChannel wanted = FileChannel.open(mount.source().resolve(path))) {
        List<Long> places = new ArrayList<>();
        for (long at = 0; at < wanted.size(); at += PIECE_BYTES) {
          places.add(at);
        }
        readOne(mount, path, wanted, places, incompleteBytes);
      } catch (IOException e) {
        failed(mount, path, e);
      }
    }
  }

  /** Opens a file of the mount once and compares pieces of it. */
  private void readOne(
      MountReader mount, Path path, FileChannel wanted, List<Long> places, AtomicLong counter)
      throws IOException {
    ByteBuffer a = ByteBuffer.allocateDirect(PIECE_BYTES);
    ByteBuffer b = ByteBuffer.allocateDirect(PIECE_BYTES);
    long started = System.nanoTime();
    try (FileChannel got = FileChannel.open(mount.target().resolve(path))) {
      took(started);
      for (long at : places) {
        if (isStopped) {
          return;
        }
        started = System.nanoTime();
        readFully(got, a.clear(), at);
        took(started);
        readFully(wanted, b.clear(), at);
        if (a.flip().mismatch(b.flip()) >= 0) {
          mismatches.incrementAndGet();
          mount.err().println("  " + path + " differs near byte " + at);
        }
        bytes.addAndGet(a.limit());
        if (counter != bytes) {
          counter.addAndGet(a.limit());
          LockSupport.parkNanos(PAUSE_NANOS);
        }
      }
    }
  }

  private static void readFully(FileChannel file, ByteBuffer into, long at) throws IOException {
    while (into.hasRemaining() && file.read(into, at + into.position()) > 0) {
      // Until the piece is full or the file ends.
    }
  }

  private void took(long startedNanos) {
    longestNanos.accumulateAndGet(System.nanoTime() - startedNanos, Math::max);
  }

  private void failed(MountReader mount, Path path, IOException e) {
    errors.incrementAndGet();
    mount.err().println("  " + path + " failed: " + e);
    // A mount that answers errors at once must not make this loop spin.
    LockSupport.parkNanos(100 * PAUSE_NANOS);
  }
}
