package dev.larder.perf.worker;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

/**
 * Clients of coordinators and of etcd, in a process of their own, that each make one change after
 * another.
 *
 * <p>Arguments: those of {@link ToldLoad}, writers. Told {@code larder|etcd SECONDS RATE}, with
 * changes a second of all together or 0 for as many as go; answers {@code PUTS_A_SECOND P50 P99},
 * times in milliseconds.
 */
public final class UpdateLoad {
  private final int writers;
  private final long roundNanos;

  /** Between two changes of one writer; 0 for as fast as it goes. */
  private final long pauseNanos;

  private UpdateLoad(int writers, long roundNanos, long pauseNanos) {
    this.writers = writers;
    this.roundNanos = roundNanos;
    this.pauseNanos = pauseNanos;
  }

  public static void main(String[] arguments) throws Exception {
    int writers = Integer.parseInt(arguments[3]);
    ToldLoad.serve(
        arguments,
        writers,
        (store, words) -> {
          long seconds = Long.parseLong(words[1]);
          double rate = Double.parseDouble(words[2]);
          long pause = rate == 0 ? 0 : (long) (1e9 * writers / rate);
          return new UpdateLoad(writers, TimeUnit.SECONDS.toNanos(seconds), pause).round(store);
        });
  }

  private String round(LoadedStore store) throws Exception {
    long start = System.nanoTime();
    long end = start + roundNanos;
    List<Future<long[]>> writing = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < writers; i++) {
        int writer = i;
        // Not all at once.
        long first = start + pauseNanos * writer / writers;
        writing.add(threads.submit(() -> writes(store, writer, first, end)));
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    LongStream all = LongStream.empty();
    for (Future<long[]> one : writing) {
      all = LongStream.concat(all, Arrays.stream(one.get()));
    }
    long[] puts = all.sorted().toArray();
    return String.join(
        " ",
        Double.toString(puts.length / seconds),
        ToldLoad.millis(puts, 0.5),
        ToldLoad.millis(puts, 0.99));
  }

  private long[] writes(LoadedStore store, int writer, long first, long end) {
    LongStream.Builder took = LongStream.builder();
    ThreadLocalRandom random = ThreadLocalRandom.current();
    long due = first;
    for (long now = ToldLoad.await(due); now < end; now = ToldLoad.await(due)) {
      store.put(
          writer, BlobKey.origin(new Digest(random.nextLong(), random.nextLong(), writer, now)));
      took.add(System.nanoTime() - now);
      due += pauseNanos;
    }
    return took.build().toArray();
  }
}
