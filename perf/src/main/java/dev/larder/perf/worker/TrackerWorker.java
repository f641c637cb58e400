package dev.larder.perf.worker;

import com.sun.management.OperatingSystemMXBean;
import dev.larder.agent.peer.PeerConfig;
import dev.larder.agent.tracker.Asker;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.OwnStripes;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.Tracker;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.placement.PlacedMember;
import dev.larder.protocol.placement.Placement;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A tracker in a process of its own, asked by one thread; in the bursts each ask is looked up in a
 * member list of 10,000 in three zones, as the agent's service does for those with an older list.
 *
 * <ul>
 *   <li>{@code asks MEMBERS ROUNDS} prints {@code asks PER_CPU_SECOND PER_SECOND
 *       REPORTS_PER_CPU_SECOND}: so many members ask for one stripe at once and then say that they
 *       have it; the CPU is all of the process's, collector and compilers included
 *   <li>{@code slow MEMBERS ROUNDS} prints the same with the first of them named as slow by all
 *       others, so that all ways lead over it
 *   <li>{@code full ENTRIES ASKS} prints {@code full KNOWN_PER_CPU_SECOND UNKNOWN_PER_CPU_SECOND}:
 *       so many stripes have a live lease each, so that the tracker is at its bound and may forget
 *       nothing; then others ask for these, and for stripes there is no room for
 *   <li>{@code told MEMBERS ROUNDS} prints the same as {@code asks}, where who fetches says what
 *       the stripe's 64 blocks hash to before the others ask, so that each of them is told
 *   <li>{@code heap ENTRIES PER_STRIPE} and {@code heap-told} print {@code heap EMPTY FULL AFTER}:
 *       bytes that live in the heap without a tracker, with one at its bound, and after bursts of
 *       five times the bound
 * </ul>
 */
public final class TrackerWorker {
  /** {@code fill.lease-deadline} and {@code fill.tracked-stripes-max} as they are by default. */
  private static final Duration DEADLINE = Duration.ofSeconds(15);

  private static final int ENTRIES_MAX = 100_000;
  private static final int WARM_ROUNDS = 20;

  /** The member list that each ask is looked up in. */
  private static final int MEMBERS = 10_000;

  private static final int ZONES = 3;

  /** What the agent keeps by default. */
  private static final int KNOWN_MAX = ENTRIES_MAX / 16;

  /** Leases that no measure outlives. */
  private static final Duration LIVE = Duration.ofHours(1);

  private final OperatingSystemMXBean process =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private final OwnStripes own = new OwnStripes("node-0", PeerConfig.TRACKER_RANKS, KNOWN_MAX);
  private final Placement placement = placement();

  /** All blocks of a stripe, as {@link BlockDigests#mask} says it. */
  private static final long ALL_BLOCKS = -1;

  private int stripes;
  private long tracked;
  private boolean tells;

  private TrackerWorker() {}

  private TrackerWorker telling() {
    tells = true;
    return this;
  }

  private void tell(TrackerDesk desk, String member, StripeId stripe, Assignment.Lease lease) {
    if (!tells) {
      return;
    }
    List<Optional<Digest>> blocks = new ArrayList<>(Blocks.STRIPE_BLOCKS);
    for (int block = 0; block < Blocks.STRIPE_BLOCKS; block++) {
      blocks.add(Optional.of(new Digest(stripe.hashCode(), block, 2, 3)));
    }
    desk.report(
        member,
        "",
        new StripeReport(
            stripe, StripeReport.Kind.PROGRESS, lease.lease(), 0, BlockDigests.ofPresent(blocks)));
  }

  private static Placement placement() {
    List<PlacedMember> members = new ArrayList<>();
    for (int i = 0; i < MEMBERS; i++) {
      members.add(new PlacedMember("node-" + i, "zone-" + i % ZONES, 1));
    }
    return new Placement(1, members);
  }

  /** As its service does: first whether this node tracks the stripe, by the member list. */
  private TrackerDesk.Answer ask(TrackerDesk desk, Asker asker, StripeId stripe) {
    tracked += own.contains(placement, stripe, asker.zone()) ? 1 : 0;
    return desk.ask(asker, stripe, "", 0);
  }

  public static void main(String[] arguments) {
    int first = Integer.parseInt(arguments[1]);
    int second = Integer.parseInt(arguments[2]);
    TrackerWorker worker = new TrackerWorker();
    switch (arguments[0]) {
      case "asks" -> worker.asks(first, second, Set.of());
      case "slow" -> worker.asks(first, second, Set.of("node-0"));
      case "full" -> worker.full(first, second);
      case "told" -> worker.telling().asks(first, second, Set.of());
      case "heap" -> worker.heap(first, second);
      case "heap-told" -> worker.telling().heap(first, second);
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  private void asks(int members, int rounds, Set<String> slow) {
    TrackerDesk desk = desk(ENTRIES_MAX);
    for (int i = 0; i < WARM_ROUNDS; i++) {
      reports(desk, burst(desk, members, slow), members);
    }
    long cpu = 0;
    long wall = 0;
    long reports = 0;
    for (int i = 0; i < rounds; i++) {
      long cpuBefore = process.getProcessCpuTime();
      long wallBefore = System.nanoTime();
      StripeId stripe = burst(desk, members, slow);
      wall += System.nanoTime() - wallBefore;
      long between = process.getProcessCpuTime();
      reports(desk, stripe, members);
      cpu += between - cpuBefore;
      reports += process.getProcessCpuTime() - between;
    }
    double asks = 1e9 * members * rounds;
    System.out.println("asks " + asks / cpu + " " + asks / wall + " " + asks / reports);
  }

  /** All members ask for a stripe nobody asked for before: one fetches, all others wait for it. */
  private StripeId burst(TrackerDesk desk, int members, Set<String> slow) {
    StripeId stripe = nextStripe();
    int leases = 0;
    for (int member = 0; member < members; member++) {
      // A new text each time, as each comes from the wire.
      Asker asker = new Asker("node-" + member, "zone-" + member % ZONES, Set.of(), slow);
      TrackerDesk.Answer answer = ask(desk, asker, stripe);
      if (tells && member > 0 && answer.news().mask() != ALL_BLOCKS) {
        throw new IllegalStateException("node-" + member + " was told " + answer.news());
      }
      switch (answer.assignment()) {
        case Assignment.Lease granted -> {
          leases++;
          tell(desk, asker.member(), stripe, granted);
        }
        case Assignment.Parent parent -> {}
        case Assignment.Untracked none ->
            throw new IllegalStateException("nobody keeps count of node-" + member);
      }
    }
    if (leases != 1) {
      throw new IllegalStateException(leases + " members were to fetch one stripe");
    }
    return stripe;
  }

  private static void reports(TrackerDesk desk, StripeId stripe, int members) {
    for (int member = 0; member < members; member++) {
      desk.report(
          "node-" + member,
          "",
          new StripeReport(stripe, StripeReport.Kind.COMPLETE, 0, 0, BlockDigests.NONE));
    }
  }

  private void full(int entries, int asks) {
    TrackerDesk desk = new TrackerDesk(new Tracker(LIVE, entries), System::nanoTime);
    for (int i = 0; i < entries; i++) {
      StripeId stripe = nextStripe();
      require(desk.ask(Asker.of("lessee-" + i), stripe, "", 0), Assignment.Lease.class);
    }
    for (int i = 0; i < 2; i++) {
      fullAsks(desk, entries, asks, true);
      fullAsks(desk, entries, asks, false);
    }
    System.out.println(
        "full " + fullAsks(desk, entries, asks, true) + " " + fullAsks(desk, entries, asks, false));
    if (desk.size() != entries) {
      throw new IllegalStateException(desk.size() + " stripes are remembered");
    }
  }

  /**
   * Asks a CPU second. A member is sent four readers past its slots and bound within a deadline.
   */
  private double fullAsks(TrackerDesk desk, int entries, int asks, boolean isKnown) {
    long before = process.getProcessCpuTime();
    for (int i = 0; i < asks; i++) {
      StripeId stripe = stripe(isKnown ? 1 + i % entries : entries + 1 + i);
      TrackerDesk.Answer answer = desk.ask(Asker.of("node-" + i), stripe, "", 0);
      if (!isKnown) {
        require(answer, Assignment.Untracked.class);
      } else if (answer.assignment() instanceof Assignment.Lease) {
        throw new IllegalStateException("a second lease of a stripe");
      }
    }
    return 1e9 * asks / (process.getProcessCpuTime() - before);
  }

  private static void require(TrackerDesk.Answer answer, Class<? extends Assignment> kind) {
    if (!kind.isInstance(answer.assignment())) {
      throw new IllegalStateException(answer.assignment() + " where a " + kind + " was due");
    }
  }

  private void heap(int entries, int perStripe) {
    long empty = livingBytes();
    TrackerDesk desk = desk(entries);
    fill(desk, entries, perStripe);
    long full = livingBytes();
    fill(desk, 5 * entries, perStripe);
    long after = livingBytes();
    if (desk.size() > entries) {
      throw new IllegalStateException(desk.size() + " stripes are remembered");
    }
    System.out.println("heap " + empty + " " + full + " " + after);
  }

  private void fill(TrackerDesk desk, int entries, int perStripe) {
    for (int left = entries; left > 0; left -= perStripe) {
      // Without leases, so that the tracker may forget them.
      reports(desk, burst(desk, perStripe, Set.of()), perStripe);
    }
  }

  private static TrackerDesk desk(int entries) {
    return new TrackerDesk(new Tracker(DEADLINE, entries), System::nanoTime);
  }

  private StripeId nextStripe() {
    return stripe(++stripes);
  }

  private static StripeId stripe(int number) {
    return new StripeId(BlobKey.origin(new Digest(number, 1, 2, 3)), number % 16);
  }

  private static long livingBytes() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
