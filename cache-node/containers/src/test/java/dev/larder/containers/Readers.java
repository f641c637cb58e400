package dev.larder.containers;

import dev.larder.client.LarderClient;
import java.io.IOException;
import java.io.InputStream;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * One reader at each of some agents that reads a dataset's files again and again and compares every
 * byte with what was put into the bucket. Any thread.
 */
final class Readers implements AutoCloseable {
  private static final int COPY_BYTES = 256 << 10;
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final Duration PROGRESS = Duration.ofSeconds(30);

  private final Map<String, AtomicLong> done = new ConcurrentHashMap<>();
  private final ConcurrentLinkedQueue<Throwable> faults = new ConcurrentLinkedQueue<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean isEnding;

  private Readers() {}

  static Readers start(Rig rig, Dataset dataset, List<String> agents) {
    Readers readers = new Readers();
    for (String agent : agents) {
      readers.done.put(agent, new AtomicLong());
      readers.threads.add(
          Thread.ofVirtual().name("reader-" + agent).start(() -> readers.run(rig, dataset, agent)));
    }
    return readers;
  }

  private void run(Rig rig, Dataset dataset, String agent) {
    try {
      while (!isEnding) {
        for (String path : dataset.paths()) {
          compare(rig, agent, dataset.name(), path);
          done.get(agent).incrementAndGet();
          LockSupport.parkNanos(PAUSE_NANOS);
        }
      }
    } catch (Throwable e) {
      faults.add(new AssertionError("a reader at " + agent + " failed", e));
    }
  }

  /** Reads a whole file at an agent and compares it. */
  static void compare(Rig rig, String agent, String dataset, String path) throws IOException {
    LarderClient client = rig.client(agent);
    try (FileChannel channel =
            FileChannel.open(rig.origin().file(dataset, path), StandardOpenOption.READ);
        InputStream in = client.openStream(dataset, path)) {
      MappedByteBuffer expected = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
      byte[] buffer = new byte[COPY_BYTES];
      while (true) {
        int count = in.readNBytes(buffer, 0, buffer.length);
        if (count == 0) {
          break;
        }
        if (count > expected.remaining()) {
          throw new AssertionError(path + " is longer than its object");
        }
        int at = expected.position();
        int differs =
            expected.slice(at, count).mismatch(java.nio.ByteBuffer.wrap(buffer, 0, count));
        if (differs >= 0) {
          throw new AssertionError(path + " differs at byte " + (at + differs));
        }
        expected.position(at + count);
      }
      if (expected.hasRemaining()) {
        throw new AssertionError(path + " ends at byte " + expected.position());
      }
    }
  }

  /** Reads all files of a dataset at an agent, and compares. */
  static void compareAll(Rig rig, String agent, Dataset dataset) throws IOException {
    for (String path : dataset.paths()) {
      compare(rig, agent, dataset.name(), path);
    }
  }

  /** No reader failed, and each reads something more from now on. */
  void check() {
    Map<String, Long> before = new ConcurrentHashMap<>();
    done.forEach((agent, count) -> before.put(agent, count.get()));
    Until.holds(
        "every reader goes on",
        PROGRESS,
        () -> {
          throwFault();
          return done.entrySet().stream()
              .allMatch(each -> each.getValue().get() >= before.get(each.getKey()) + 2);
        });
  }

  private void throwFault() {
    Throwable first = faults.peek();
    if (first != null) {
      throw new AssertionError("readers failed: " + faults.size(), first);
    }
  }

  /** Ends them all and fails if one of them did. */
  @Override
  public void close() {
    isEnding = true;
    for (Thread thread : threads) {
      try {
        thread.join(PROGRESS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    throwFault();
  }
}
