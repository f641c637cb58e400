package dev.larder.perf.worker;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

/**
 * One client that looks things up in coordinators or in etcd, in a process of its own: whoever
 * writes meanwhile shares cores with it, but no heap and no compiler.
 *
 * <p>Arguments: those of {@link ToldLoad}. Told {@code larder|etcd SECONDS lookup|nothing PAUSE},
 * with milliseconds from when one is due to when the next one is, or 0 for one after another;
 * answers {@code P50 P99 P50 P99}: milliseconds from when they were due, and from when they were
 * sent. One after another each is due when the one before is answered.
 */
public final class LookupLoad {
  private LookupLoad() {}

  public static void main(String[] arguments) throws Exception {
    ToldLoad.serve(
        arguments,
        1,
        (store, words) ->
            round(
                words[2].equals("lookup") ? store::lookup : store::nothing,
                TimeUnit.SECONDS.toNanos(Long.parseLong(words[1])),
                TimeUnit.MILLISECONDS.toNanos(Long.parseLong(words[3]))));
  }

  private static String round(Runnable call, long roundNanos, long pauseNanos) {
    LongStream.Builder fromDue = LongStream.builder();
    LongStream.Builder fromSent = LongStream.builder();
    long due = System.nanoTime();
    long end = due + roundNanos;
    long now = due;
    while (due < end && now < end) {
      long sent = ToldLoad.await(due);
      call.run();
      now = System.nanoTime();
      fromDue.add(now - due);
      fromSent.add(now - sent);
      due = pauseNanos == 0 ? now : due + pauseNanos;
    }
    // Those that were due and not sent waited at least until now; nobody writes after the end.
    for (; pauseNanos > 0 && due < end; due += pauseNanos) {
      fromDue.add(now - due);
    }
    return quantiles(fromDue.build().toArray()) + " " + quantiles(fromSent.build().toArray());
  }

  private static String quantiles(long[] nanos) {
    Arrays.sort(nanos);
    return ToldLoad.millis(nanos, 0.5) + " " + ToldLoad.millis(nanos, 0.99);
  }
}
