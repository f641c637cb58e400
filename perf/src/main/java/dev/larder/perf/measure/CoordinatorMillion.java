package dev.larder.perf.measure;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Measure;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.ChildProcess;
import dev.larder.perf.process.ProcStat;
import dev.larder.perf.worker.CoordinatorFill;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A coordinator that knows a million sealed blobs, each held by three members. */
public final class CoordinatorMillion implements Measure {
  private static final int BLOBS = 1_000_000;
  private static final int HOLDERS = 3;

  /** {@code coordinator.batch-max} by default. */
  private static final int BATCH = 5_000;

  private static final int LOOKUPS = 20_000;
  private static final int FILL_SECONDS_MAX = 900;

  private static final double MIB = 1 << 20;

  // Holders that never come back to say that they live; placements of theirs must stay.
  private static final String SETTINGS = "coordinator.member-deadline: 1h";

  @Override
  public String name() {
    return "coordinator-1m";
  }

  @Override
  public String about() {
    return "a coordinator with 1,000,000 sealed blobs, three holders each: memory, restart";
  }

  @Override
  public void run(Bench bench, Consumer<Figure> results) throws Exception {
    try (CoordinatorGroup group = CoordinatorGroup.start(bench, 1, SETTINGS, Map.of())) {
      double emptyMib = group.member(0).stat().rssBytes() / MIB;
      Samples empty = restarts(group, false);
      group.kill(0);
      fill(bench, group);
      Samples restarts = restarts(group, true);
      bench.say("  killed and back " + restarts + " s, empty " + empty);
      bench.say("  then %.0f MiB resident".formatted(group.member(0).stat().rssBytes() / MIB));
      long start = System.nanoTime();
      try (CoordinatorClient client = client(group)) {
        use(client);
      }
      ProcStat used = group.member(0).stat();
      bench.say(
          "  used for %.0f s with %.0f CPU s: %.0f MiB resident, of it %.0f no file; empty %.0f"
              .formatted(
                  (System.nanoTime() - start) / 1e9,
                  used.cpuSeconds(),
                  used.rssBytes() / MIB,
                  used.anonBytes() / MIB,
                  emptyMib));
      results.accept(
          new Figure(
              name() + "-rss",
              "MiB, most",
              used.rssPeakBytes() / MIB,
              emptyMib,
              Goal.atMost(1024)));
      results.accept(
          new Rounds(restarts, empty).figure(name() + "-restart", "s to a lookup", Goal.atMost(5)));
    }
  }

  /** Through the log and the tables of the one measured, while it is not at work. */
  private static void fill(Bench bench, CoordinatorGroup group)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    try (ChildProcess fill =
        bench
            .children()
            .java(
                "fill",
                List.of("-Xmx256m", "-XX:+UseSerialGC"),
                CoordinatorFill.class,
                List.of(
                    group.directory(0).toString(),
                    group.tls().toString(),
                    "c0",
                    group.raftAddress(0),
                    Integer.toString(BLOBS),
                    Integer.toString(HOLDERS)))) {
      fill.awaitSuccess(FILL_SECONDS_MAX);
    }
    bench.say("  filled in %.0f s".formatted((System.nanoTime() - start) / 1e9));
  }

  /** Seconds from the start of a killed one to the first lookup answered. */
  private static Samples restarts(CoordinatorGroup group, boolean isFull)
      throws IOException, InterruptedException {
    Samples seconds = new Samples();
    for (int round = 0; round < Rounds.COUNT; round++) {
      group.kill(0);
      long start = System.nanoTime();
      group.restart(0);
      try (CoordinatorClient client = client(group)) {
        check(client, round * (BLOBS / Rounds.COUNT), isFull);
        seconds.add((System.nanoTime() - start) / 1e9);
        long placements = client.status().placements();
        if (placements != (isFull ? (long) BLOBS * HOLDERS : 0)) {
          throw new IOException(placements + " placements are known after a restart");
        }
      }
    }
    return seconds;
  }

  private static void check(CoordinatorClient client, int number, boolean isFull)
      throws IOException {
    List<String> wanted = new ArrayList<>();
    for (int member = 0; isFull && member < HOLDERS; member++) {
      wanted.add(CoordinatorFill.holder(number, member));
    }
    List<String> holders = client.holders(CoordinatorFill.key(number));
    if (!holders.equals(wanted)) {
      throw new IOException("blob " + number + " has the holders " + holders);
    }
  }

  /**
   * Lookups all over, and what agents say: roots of more blobs, and holdings that go and come, and
   * the whole list of a tenth of all.
   */
  private static void use(CoordinatorClient client) throws IOException {
    for (int i = 0; i < LOOKUPS; i++) {
      check(client, (int) ((i * 7_919L) % BLOBS), true);
    }
    for (int from = 0; from < BLOBS; from += BLOBS / 10) {
      if (client.roots(keys(from)).size() != BATCH) {
        throw new IOException("roots are missing from " + from + " on");
      }
    }
    for (int from = 0; from < BLOBS; from += BLOBS / 10) {
      for (int rank = 0; rank < HOLDERS; rank++) {
        String id = CoordinatorFill.holder(from, rank);
        List<BlobKey> all = new ArrayList<>(keys(from));
        all.addAll(keys(from + BATCH));
        try (Attendance attendance = client.attend(id, new Deaf())) {
          attendance.report(new HoldingReport(List.of(), keys(from), false, 0));
          attendance.report(new HoldingReport(keys(from), List.of(), false, 0));
          attendance.report(new HoldingReport(all, List.of(), true, 0));
        }
      }
    }
    for (int from = BLOBS; from < BLOBS + BLOBS / 20; from += BATCH) {
      List<RecordedRoot> roots = new ArrayList<>();
      for (BlobKey key : keys(from)) {
        roots.add(new RecordedRoot(key, 64 << 20, key.digest(), Trust.VERIFIED, "holder-0"));
      }
      client.recordRoots(roots);
    }
    check(client, 0, true);
  }

  private static List<BlobKey> keys(int from) {
    List<BlobKey> keys = new ArrayList<>();
    for (int i = from; i < from + BATCH; i++) {
      keys.add(CoordinatorFill.key(i));
    }
    return keys;
  }

  private static CoordinatorClient client(CoordinatorGroup group) throws IOException {
    return GrpcCoordinatorClient.connect(
        CoordinatorClientConfig.of(List.of(group.addresses().split(",", -1))),
        TlsFiles.read(
            group.tls().resolve("agent.key"),
            group.tls().resolve("agent.pem"),
            group.tls().resolve("ca.pem")));
  }

  private static final class Deaf implements AttendanceListener {
    @Override
    public void epoch(long epoch) {}

    @Override
    public void ended(LarderException cause) {}
  }
}
