package dev.larder.keeper;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** Threads that read files over and over and compare every byte. */
final class Readers implements AutoCloseable {
  private final AtomicReference<Throwable> fault = new AtomicReference<>();
  private final AtomicLong reads = new AtomicLong();
  private final AtomicLong longestNanos = new AtomicLong();
  private final List<Thread> threads = new ArrayList<>();
  private final List<FileChannel> channels = new ArrayList<>();
  private volatile boolean isEnding;

  /** Starts opening and reading whole files below a directory. */
  Readers(int count, Path directory, Map<String, byte[]> files) {
    List<String> names = List.copyOf(files.keySet());
    for (int i = 0; i < count; i++) {
      start(() -> {
        String name = names.get(ThreadLocalRandom.current().nextInt(names.size()));
        check(name, files.get(name), Files.readAllBytes(directory.resolve(name)));
      });
    }
  }

  /** Adds a thread that keeps a file open and reads anywhere in it. */
  Readers withOpen(Path file, byte[] bytes) throws Exception {
    FileChannel channel = FileChannel.open(file);
    channels.add(channel);
    start(() -> {
      int from = ThreadLocalRandom.current().nextInt(bytes.length);
      int length = Math.min(5000, bytes.length - from);
      ByteBuffer buffer = ByteBuffer.allocate(length);
      while (buffer.hasRemaining() && channel.read(buffer, from + buffer.position()) > 0) {}
      check(
          file + " at " + from,
          Arrays.copyOfRange(bytes, from, from + length),
          Arrays.copyOf(buffer.array(), buffer.position()));
    });
    return this;
  }

  private interface Step {
    void run() throws Exception;
  }

  private void start(Step step) {
    threads.add(
        Thread.ofPlatform()
            .start(() -> {
              try {
                while (!isEnding) {
                  long start = System.nanoTime();
                  step.run();
                  longestNanos.accumulateAndGet(System.nanoTime() - start, Math::max);
                  reads.incrementAndGet();
                }
              } catch (Throwable e) {
                fault.compareAndSet(null, e);
              }
            }));
  }

  private static void check(String name, byte[] expected, byte[] seen) {
    if (!Arrays.equals(expected, seen)) {
      throw new AssertionError(
          "wrong bytes of "
              + name
              + ": "
              + seen.length
              + " of "
              + expected.length
              + ", first at "
              + Arrays.mismatch(expected, seen));
    }
  }

  /** Waits until each of so many reads has come through from now on. */
  void awaitReads(int more) throws Exception {
    long until = reads.get() + more;
    Waiting.until("readers come through", () -> reads.get() >= until || fault.get() != null);
    throwFault();
  }

  long longestMillis() {
    return longestNanos.get() / 1_000_000;
  }

  private void throwFault() {
    if (fault.get() != null) {
      throw new AssertionError("a reader saw: " + fault.get(), fault.get());
    }
  }

  @Override
  public void close() throws Exception {
    isEnding = true;
    for (Thread thread : threads) {
      thread.join();
    }
    for (FileChannel channel : channels) {
      channel.close();
    }
    throwFault();
  }
}
