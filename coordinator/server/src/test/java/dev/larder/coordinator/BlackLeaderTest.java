package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The leader's address vanishes, as that of a pod or a host does: no packet is answered and no
 * connection refused. Who called it finds the next leader about as soon as there is one.
 */
@Timeout(180)
class BlackLeaderTest {
  private static final DatasetName NAME = new DatasetName("black");

  /** Changes: noticed by the others after up to 2.5 s, by the caller after as long, meanwhile. */
  private static final Duration WRITES_PAUSE_MAX = Duration.ofSeconds(5);

  /** What any coordinator may answer waits for nobody but the caller's own notice. */
  private static final Duration READS_PAUSE_MAX = Duration.ofSeconds(4);

  private static final HoldingReport ALIVE = new HoldingReport(List.of(), List.of(), false, 0);
  private static final Duration WATCHED_AFTER = Duration.ofSeconds(12);

  @TempDir Path data;

  @Test
  void callersOfALeaderThatVanishedFindTheNextOneWithinSeconds() throws Exception {
    try (Links links = new Links();
        Fronts fronts = new Fronts();
        TestGroup group =
            TestGroup.start(
                data, CoordinatorConfig.Limits.defaults(), links, fronts, RaftNode.Reads.LINEAR);
        CoordinatorClient writer = group.client(Role.AGENT, fronts.addresses());
        CoordinatorClient reader = group.client(Role.AGENT, fronts.addresses());
        CoordinatorClient linear = group.client(Role.AGENT, fronts.addresses());
        CoordinatorClient member = group.client(Role.AGENT, fronts.addresses())) {
      String old = group.leader();
      writer.createDataset(NAME, "file:///black", Map.of());
      // All of them talk to the one that vanishes, also those that any could answer.
      for (CoordinatorClient each : List.of(reader, linear, member)) {
        each.join(Samples.member("node-a", "z1"));
      }
      AtomicReference<Attendance> stream = new AtomicReference<>();
      Watched writes = new Watched("changes", i -> writer.recordRoots(List.of(root(i + 1))));
      Watched reads = new Watched("lookups", i -> reader.holders(Samples.key(1)));
      Watched linears = new Watched("reads of the state as of now", i -> linear.dataset(NAME));
      Watched reports = new Watched("reports", i -> report(member, stream));
      List<Watched> all = List.of(writes, reads, linears, reports);
      for (Watched each : all) {
        each.start();
      }
      TestGroup.await("all go", () -> all.stream().allMatch(each -> each.answered() > 20));
      links.isolate(old, group.ids().stream().filter(id -> !id.equals(old)).toList());
      fronts.blacken(old);
      long end = System.nanoTime() + WATCHED_AFTER.toNanos();
      TestGroup.await("it was watched", () -> System.nanoTime() > end);
      all.forEach(Watched::stop);
      for (Watched each : all) {
        System.err.println("leader " + old + " black: " + each);
      }
      assertNotEquals(old, newLeader(group, old));
      writes.check(WRITES_PAUSE_MAX, 0);
      linears.check(WRITES_PAUSE_MAX, 0);
      reads.check(READS_PAUSE_MAX, 0);
      // Its stream breaks and is made again: the caller sees that.
      reports.check(WRITES_PAUSE_MAX, Integer.MAX_VALUE);

      // One that begins now and happens to ask there first.
      AtomicLong slowest = new AtomicLong();
      for (int i = 0; i < 6; i++) {
        long began = System.nanoTime();
        try (CoordinatorClient fresh = group.client(Role.AGENT, fronts.addresses())) {
          fresh.recordRoots(List.of(root(1_000_000 + i)));
        }
        slowest.accumulateAndGet(System.nanoTime() - began, Math::max);
      }
      System.err.println("slowest first change: " + slowest.get() / 1_000_000 + " ms");
      assertTrue(slowest.get() < WRITES_PAUSE_MAX.toNanos(), slowest + " ns");
      if (stream.get() != null) {
        stream.get().close();
      }
    }
  }

  private static String newLeader(TestGroup group, String old) {
    List<String> leaders = new ArrayList<>();
    TestGroup.await(
        "another leads",
        () -> {
          leaders.clear();
          group.all().stream()
              .filter(each -> each.node().isLeader() && !each.node().id().equals(old))
              .forEach(each -> leaders.add(each.node().id()));
          return leaders.size() == 1;
        });
    return leaders.getFirst();
  }

  private static void report(CoordinatorClient member, AtomicReference<Attendance> stream) {
    if (stream.get() == null) {
      stream.set(member.attend("node-a", new Deaf()));
    }
    try {
      stream.get().report(ALIVE);
    } catch (LarderException e) {
      stream.get().close();
      stream.set(null);
      throw e;
    }
  }

  private static RecordedRoot root(int number) {
    return Samples.root(number, number, Trust.ATTESTED);
  }

  /** One caller's calls, one after another, without pause. */
  private static final class Watched {
    private final String what;
    private final IntConsumer call;
    private final AtomicInteger answered = new AtomicInteger();
    private final List<String> failures = new java.util.concurrent.CopyOnWriteArrayList<>();
    private final AtomicLong gapNanos = new AtomicLong();
    private volatile boolean isOver;
    private volatile Thread thread = Thread.currentThread();

    Watched(String what, IntConsumer call) {
      this.what = what;
      this.call = call;
    }

    void start() {
      thread = Thread.ofPlatform().daemon().name("watched-" + what).start(this::run);
    }

    private void run() {
      long last = System.nanoTime();
      while (!isOver) {
        try {
          call.accept(answered.get());
          long now = System.nanoTime();
          if (answered.getAndIncrement() > 0) {
            gapNanos.accumulateAndGet(now - last, Math::max);
          }
          last = now;
        } catch (LarderException e) {
          failures.add((System.nanoTime() - last) / 1_000_000 + " ms: " + e.getMessage());
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
      }
      gapNanos.accumulateAndGet(System.nanoTime() - last, Math::max);
    }

    int answered() {
      return answered.get();
    }

    void stop() {
      isOver = true;
      try {
        thread.join(30_000);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    void check(Duration pauseMax, int failuresMax) {
      assertTrue(gapNanos.get() < pauseMax.toNanos(), toString());
      assertTrue(failures.size() <= failuresMax, toString());
    }

    @Override
    public String toString() {
      return "%s: longest pause %d ms, %d answered, failed %s"
          .formatted(what, gapNanos.get() / 1_000_000, answered.get(), failures);
    }
  }

  private static final class Deaf implements AttendanceListener {
    @Override
    public void epoch(long epoch) {}

    @Override
    public void ended(LarderException cause) {}
  }
}
