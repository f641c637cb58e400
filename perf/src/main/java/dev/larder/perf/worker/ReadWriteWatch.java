package dev.larder.perf.worker;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Clients of coordinators of which one is killed meanwhile: one writes, one reads what may be old,
 * one reads what must be new; each without pause.
 *
 * <p>Arguments: directory of certificates, addresses, seconds. Prints {@code going} when all three
 * have been answered, and at the end {@code watched WRITE_GAP READ_GAP LINEAR_GAP READS FAILED}:
 * the longest times from one answer to the next in milliseconds, reads answered and reads failed.
 */
public final class ReadWriteWatch {
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  private ReadWriteWatch() {}

  private interface Call {
    void once(CoordinatorClient client);
  }

  public static void main(String[] arguments) throws Exception {
    TlsMaterial tls = ToldLoad.tls(Path.of(arguments[0]));
    CoordinatorClientConfig config =
        CoordinatorClientConfig.of(List.of(arguments[1].split(",", -1)));
    long seconds = Long.parseLong(arguments[2]);
    BlobKey key = BlobKey.origin(new Digest(ThreadLocalRandom.current().nextLong(), 1, 2, 3));
    RecordedRoot known = root(key);
    try (CoordinatorClient writer = GrpcCoordinatorClient.connect(config, tls);
        CoordinatorClient reader = GrpcCoordinatorClient.connect(config, tls);
        CoordinatorClient linear = GrpcCoordinatorClient.connect(config, tls)) {
      writer.recordRoots(List.of(known));
      Watched writes = new Watched(writer, ReadWriteWatch::write);
      Watched reads = new Watched(reader, client -> client.holders(key));
      Watched linears =
          new Watched(
              linear,
              client -> {
                if (!client.roots(List.of(key)).equals(Map.of(key, known))) {
                  throw new IllegalStateException("a recorded root is gone");
                }
              });
      List<Watched> all = List.of(writes, reads, linears);
      all.forEach(one -> one.call.once(one.client));
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
      List<Thread> threads =
          all.stream().map(one -> Thread.ofVirtual().start(() -> one.until(end))).toList();
      System.out.println("going");
      for (Thread thread : threads) {
        thread.join();
      }
      System.out.println(
          "watched "
              + String.join(
                  " ",
                  writes.gapMillis(),
                  reads.gapMillis(),
                  linears.gapMillis(),
                  Long.toString(reads.answered.get() + linears.answered.get()),
                  Long.toString(reads.failed.get() + linears.failed.get())));
    }
  }

  private static void write(CoordinatorClient client) {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    client.recordRoots(
        List.of(root(BlobKey.origin(new Digest(random.nextLong(), random.nextLong(), 2, 3)))));
  }

  private static RecordedRoot root(BlobKey key) {
    return new RecordedRoot(key, 1 << 20, new Digest(1, 2, 3, 4), Trust.ATTESTED, "watch");
  }

  /** One client's calls, one after another. */
  private static final class Watched {
    private final CoordinatorClient client;
    private final Call call;
    private final AtomicLong answered = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong gapNanos = new AtomicLong();

    Watched(CoordinatorClient client, Call call) {
      this.client = client;
      this.call = call;
    }

    void until(long end) {
      long last = System.nanoTime();
      while (last < end) {
        try {
          call.once(client);
          long now = System.nanoTime();
          gapNanos.accumulateAndGet(now - last, Math::max);
          answered.incrementAndGet();
          last = now;
        } catch (LarderException e) {
          failed.incrementAndGet();
          System.err.println("failed: " + e);
          if (System.nanoTime() >= end) {
            return;
          }
        }
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }

    String gapMillis() {
      return Double.toString(gapNanos.get() / 1e6);
    }
  }
}
