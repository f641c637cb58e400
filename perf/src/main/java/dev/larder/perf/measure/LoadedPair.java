package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.Etcd;
import dev.larder.perf.worker.LookupLoad;
import dev.larder.perf.worker.UpdateLoad;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Coordinators and members of etcd under the same clients: a process that writes and one that looks
 * up, told round by round. One thread.
 */
final class LoadedPair implements AutoCloseable {
  static final List<String> JVM = List.of("-Xmx256m", "-XX:+UseSerialGC");

  private static final int WRITERS = 64;
  private static final int ROUND_SECONDS = 6;

  /**
   * Compilers share the two cores with all of it: after 18 s a later round still did twice as much.
   */
  private static final int WARM_SECONDS = 60;

  private static final int LINE_SECONDS_MAX = 180;
  private static final long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** CPU seconds of the servers until now. */
  @FunctionalInterface
  private interface Cpu {
    double seconds() throws IOException;
  }

  private final Bench bench;
  private final Map<String, Cpu> servers;
  private final ChildProcess updates;
  private final ChildProcess lookups;

  /** Starts the clients; returns when both know what they look up. */
  LoadedPair(Bench bench, CoordinatorGroup group, Etcd etcd)
      throws IOException, InterruptedException {
    this.bench = bench;
    this.servers = Map.of("larder", group::cpuSeconds, "etcd", etcd::cpuSeconds);
    List<String> where =
        List.of(group.tls().toString(), group.addresses(), String.join(",", etcd.addresses()));
    updates =
        bench
            .children()
            .javaToTell(
                "updates",
                JVM,
                UpdateLoad.class,
                List.of(where.get(0), where.get(1), where.get(2), Integer.toString(WRITERS)));
    lookups = bench.children().javaToTell("lookups", JVM, LookupLoad.class, where);
    updates.line(LINE_SECONDS_MAX);
    lookups.line(LINE_SECONDS_MAX);
  }

  /** What is asked for in a round. */
  enum Asked {
    /** Where a key is, one each 5 ms. */
    LOOKUPS_PACED("lookup", 5),
    /** Where a key is, one after another. */
    LOOKUPS("lookup", 0),
    /** A call that does nothing, one each 5 ms. */
    NOTHING_PACED("nothing", 5);

    private final String call;
    private final int pauseMillis;

    Asked(String call, int pauseMillis) {
      this.call = call;
      this.pauseMillis = pauseMillis;
    }
  }

  /** No changes meanwhile. */
  static final double IDLE = -1;

  /** As many changes as go. */
  static final double ALL = 0;

  /**
   * Rounds of both in turns.
   *
   * @param updates changes a second, 0 for idle ones
   * @param due milliseconds of the 99th of a hundred lookups from when it was due
   * @param sent the same from when it was sent
   */
  record Result(Rounds updates, Rounds due, Rounds sent) {}

  /** Compilers' rounds; nobody counts them. */
  void warm() throws IOException, InterruptedException {
    for (String store : List.of("larder", "etcd")) {
      round(store, WARM_SECONDS, ALL, Asked.LOOKUPS);
      round(store, ROUND_SECONDS, IDLE, Asked.NOTHING_PACED);
    }
  }

  /**
   * Runs five rounds of each.
   *
   * @param rate changes a second while it is asked, {@link #ALL}, or {@link #IDLE}
   */
  Result rounds(String name, double rate, Asked asked) throws IOException, InterruptedException {
    Result result =
        new Result(
            new Rounds(new Samples(), new Samples()),
            new Rounds(new Samples(), new Samples()),
            new Rounds(new Samples(), new Samples()));
    bench.say("  " + name + (rate > 0 ? String.format(Locale.ROOT, ", %.0f/s", rate) : ""));
    for (int round = 0; round < Rounds.COUNT; round++) {
      boolean etcdFirst = round % 2 == 1;
      for (String store : etcdFirst ? List.of("etcd", "larder") : List.of("larder", "etcd")) {
        double[] figures = round(store, ROUND_SECONDS, rate, asked);
        boolean isLarder = store.equals("larder");
        of(result.updates, isLarder).add(figures[0]);
        of(result.due, isLarder).add(figures[4]);
        of(result.sent, isLarder).add(figures[6]);
      }
    }
    return result;
  }

  private static Samples of(Rounds rounds, boolean isLarder) {
    return isLarder ? rounds.values() : rounds.baselines();
  }

  /** Changes a second, their p50 and p99; p50 and p99 of what was asked from due, from sent. */
  private double[] round(String store, int seconds, double rate, Asked asked)
      throws IOException, InterruptedException {
    // What the round before left behind in the other one.
    LockSupport.parkNanos(SETTLE_NANOS);
    Cpu cpu = Objects.requireNonNull(servers.get(store));
    double before = cpu.seconds();
    boolean isIdle = rate == IDLE;
    if (!isIdle) {
      updates.tell(store + " " + seconds + " " + rate);
    }
    lookups.tell(store + " " + seconds + " " + asked.call + " " + asked.pauseMillis);
    String written = isIdle ? "0 0 0" : updates.line(LINE_SECONDS_MAX);
    String[] words = (written + " " + lookups.line(LINE_SECONDS_MAX)).split(" ", -1);
    double[] figures = new double[words.length];
    for (int i = 0; i < words.length; i++) {
      figures[i] = Double.parseDouble(words[i]);
    }
    bench.say(
        String.format(
            Locale.ROOT,
            "    %-6s %5.0f updates/s, %.1f ms, p99 %.1f; asked %.2f ms, p99 %.2f, from sent %.2f;"
                + " %.2f cores",
            store,
            figures[0],
            figures[1],
            figures[2],
            figures[3],
            figures[4],
            figures[6],
            (cpu.seconds() - before) / seconds));
    return figures;
  }

  @Override
  public void close() {
    updates.close();
    lookups.close();
  }
}
