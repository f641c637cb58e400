package dev.larder.perf.sim;

import dev.larder.agent.tracker.Asker;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.Tracker;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.placement.PlacedMember;
import dev.larder.protocol.placement.Placement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A burst: every node wants the same cold blob at the same moment. Placement and trackers are the
 * real ones; wires and disks are queues with a rate. One thread; the same seed gives the same run.
 *
 * <p>Left out: slow start and loss of TCP, the readers' own speed, other traffic. A wire serves
 * requests in the order they came, block by block.
 */
public final class Simulation {
  private static final String ORIGIN = "origin";
  private static final Duration PROGRESS_DEADLINE = Duration.ofSeconds(5);
  private static final int ENTRIES_MAX = 10_000_000;
  private static final long DEATH_MOMENT_MAX = 500_000_000L;

  /** Pods of one burst start within this. */
  private static final long START_SPREAD = 20_000_000L;

  private final Network network;
  private final Random random;
  private final Clockwork clock = new Clockwork();
  private final List<SimNode> nodes = new ArrayList<>();
  private final Map<String, SimNode> byId = new HashMap<>();
  private final Map<String, Tracker> trackers = new HashMap<>();
  private final SimNode origin;
  private final Placement placement;
  private final BlobKey key;
  private final int blockCount;
  private final int stripeCount;

  /**
   * By stripe: who tracks it; asking the placement anew for each event would be most of the work.
   */
  private final @Nullable String[] placed;

  private long crossZoneBytes;

  private Simulation(Network network, long seed) {
    this.network = network;
    this.random = new Random(seed);
    this.key = BlobKey.origin(new Digest(seed, 1, 2, 3));
    this.blockCount = (int) Blocks.blockCount(network.blobBytes());
    this.stripeCount = (blockCount + Blocks.STRIPE_BLOCKS - 1) / Blocks.STRIPE_BLOCKS;
    this.placed = new String[stripeCount];
    this.origin = new SimNode(ORIGIN, "", network.originRate(), 0, 0);
    List<PlacedMember> members = new ArrayList<>();
    for (int i = 0; i < network.nodes(); i++) {
      String zone = "zone-" + i % network.zones();
      double up = random.nextDouble() < network.slow() ? network.upRate() / 10 : network.upRate();
      SimNode node = new SimNode("node-" + i, zone, up, network.downRate(), network.diskRate());
      nodes.add(node);
      byId.put(node.id, node);
      members.add(new PlacedMember(node.id, zone, 1));
    }
    this.placement = new Placement(1, members);
  }

  /** Runs a burst to its end. */
  public static Outcome run(Network network, long seed) {
    Simulation simulation = new Simulation(network, seed);
    simulation.start();
    while (simulation.clock.step()) {
      // Each event checks what it touched.
    }
    return simulation.outcome();
  }

  private void start() {
    for (SimNode node : nodes) {
      if (random.nextDouble() < network.dying()) {
        clock.at((long) (random.nextDouble() * DEATH_MOMENT_MAX), () -> node.isDead = true);
      }
      List<Integer> order = new ArrayList<>();
      for (int stripe = 0; stripe < stripeCount; stripe++) {
        order.add(stripe);
      }
      // As agents do for whole files, so that not all ask for the first stripe first.
      Collections.shuffle(order, random);
      node.toFetch.addAll(order);
      long begins = (long) (random.nextDouble() * START_SPREAD);
      for (int i = 0; i < network.parallel(); i++) {
        clock.at(begins, () -> fetchNext(node));
      }
    }
  }

  private void fetchNext(SimNode node) {
    Integer stripe = node.toFetch.poll();
    if (stripe != null) {
      new Fetch(node, stripe).ask();
    }
  }

  private Outcome outcome() {
    double[] times =
        nodes.stream()
            .filter(node -> !node.isDead && node.finishedAt >= 0)
            .mapToDouble(node -> node.finishedAt / 1e9)
            .sorted()
            .toArray();
    if (times.length == 0) {
      throw new IllegalStateException("no node was ever done");
    }
    long[] uploads = nodes.stream().mapToLong(node -> node.uploadedBytes).toArray();
    return new Outcome(
        times.length,
        times[times.length / 2],
        times[(int) Math.ceil(times.length * 0.99) - 1],
        times[times.length - 1],
        origin.uploadedBytes,
        crossZoneBytes,
        Arrays.stream(uploads).max().orElse(0),
        Arrays.stream(uploads).average().orElse(0),
        clock.handled());
  }

  /** The tracker of a stripe: the best placed member that lives. */
  private Tracker trackerOf(int stripe) {
    String known = placed[stripe];
    if (known == null || !lives(known)) {
      known =
          placement
              .tracker(key, stripe)
              .map(PlacedMember::id)
              .filter(this::lives)
              .orElseGet(() -> nextLiving(stripe));
      placed[stripe] = known;
    }
    return trackers.computeIfAbsent(
        known, any -> new Tracker(PROGRESS_DEADLINE, ENTRIES_MAX, network.fanOut()));
  }

  private String nextLiving(int stripe) {
    return placement.ranked(key, stripe, nodes.size()).stream()
        .map(PlacedMember::id)
        .filter(this::lives)
        .findFirst()
        .orElseThrow();
  }

  private boolean lives(String member) {
    return !node(member).isDead;
  }

  private SimNode node(String member) {
    SimNode node = member.equals(ORIGIN) ? origin : byId.get(member);
    if (node == null) {
      throw new IllegalStateException("no member " + member);
    }
    return node;
  }

  private long blockBytes(int block) {
    return Blocks.blockLength(network.blobBytes(), block);
  }

  private static long nanos(long bytes, double rate) {
    return (long) (bytes / rate * 1e9);
  }

  /** One node's way to one stripe. */
  private final class Fetch {
    private final SimNode node;
    private final int stripe;
    private final StripeId id;
    private final int end;
    private final Set<String> avoid = new HashSet<>();
    private SimNode source;
    private long lease;
    private int next;
    private int missing;
    private int round;

    Fetch(SimNode node, int stripe) {
      this.node = node;
      this.stripe = stripe;
      this.id = new StripeId(key, stripe);
      this.next = stripe * Blocks.STRIPE_BLOCKS;
      this.end = Math.min(blockCount, next + Blocks.STRIPE_BLOCKS);
      this.missing = end - next;
      this.source = origin;
    }

    /** One request to the tracker, then as many blocks as the window lets. */
    void ask() {
      if (!node.isDead) {
        clock.at(clock.now() + network.latencyNanos(), this::answer);
      }
    }

    private void answer() {
      if (node.isDead) {
        return;
      }
      Tracker tracker = trackerOf(stripe);
      Assignment assignment =
          tracker.ask(new Asker(node.id, node.zone, Set.copyOf(avoid)), id, clock.now());
      lease = assignment instanceof Assignment.Lease granted ? granted.lease() : 0;
      source = assignment instanceof Assignment.Parent parent ? node(parent.member()) : origin;
      check(source != node, "sent to itself");
      // One more where no slot is free, which spares the origin.
      check(tracker.readers(source.id, id) <= network.fanOut() + 1, "above the fan-out");
      round++;
      next = node.blocks.nextClearBit(stripe * Blocks.STRIPE_BLOCKS);
      clock.at(clock.now() + network.latencyNanos(), this::fillWindow);
    }

    private void fillWindow() {
      for (int i = 0; i < network.window(); i++) {
        request();
      }
    }

    private void request() {
      while (next < end && node.blocks.get(next)) {
        next++;
      }
      if (next < end && !node.isDead) {
        int block = next++;
        int asked = round;
        SimNode from = source;
        clock.at(clock.now() + network.latencyNanos(), () -> reached(from, block, asked));
      }
    }

    /** The request is at the source. */
    private void reached(SimNode from, int block, int asked) {
      if (from.isDead) {
        clock.at(clock.now() + network.detectNanos(), () -> lost(from, asked));
      } else if (from == origin || from.blocks.get(block)) {
        send(from, block, asked);
      } else {
        from.whenHere(block, () -> reached(from, block, asked));
        // Whoever waits for a node that dies must notice too.
        if (network.dying() > 0) {
          watch(from, block, asked);
        }
      }
    }

    private void watch(SimNode from, int block, int asked) {
      clock.at(
          clock.now() + network.detectNanos(),
          () -> {
            if (asked == round && !node.isDead && !node.blocks.get(block)) {
              if (from.isDead) {
                lost(from, asked);
              } else if (!from.blocks.get(block)) {
                watch(from, block, asked);
              }
            }
          });
    }

    private void send(SimNode from, int block, int asked) {
      if (asked != round || node.isDead) {
        return;
      }
      check(from == origin || from.blocks.get(block), "sent a block it does not have");
      long bytes = blockBytes(block);
      long sent = Math.max(clock.now(), from.upFree) + nanos(bytes, from.upRate);
      from.upFree = sent;
      long came =
          Math.max(sent + network.latencyNanos(), node.downFree + nanos(bytes, node.downRate));
      node.downFree = came;
      clock.at(came, () -> arrived(from, block, asked, bytes));
    }

    private void arrived(SimNode from, int block, int asked, long bytes) {
      if (node.isDead || asked != round) {
        return;
      }
      if (from.isDead) {
        clock.at(clock.now() + network.detectNanos(), () -> lost(from, asked));
        return;
      }
      from.uploadedBytes += bytes;
      if (from != origin && !from.zone.equals(node.zone)) {
        crossZoneBytes += bytes;
      }
      if (!node.blocks.get(block)) {
        node.blocks.set(block);
        missing--;
        node.diskFree = Math.max(node.diskFree, clock.now()) + nanos(bytes, node.diskRate);
        List<Runnable> readers = node.waiting.remove(block);
        if (readers != null) {
          readers.forEach(Runnable::run);
        }
      }
      Tracker tracker = trackerOf(stripe);
      if (missing == 0) {
        done(tracker);
        return;
      }
      if (lease != 0) {
        tracker.progress(lease, clock.now());
      } else {
        tracker.progress(node.id, id, clock.now());
      }
      request();
    }

    private void done(Tracker tracker) {
      round++;
      if (lease != 0) {
        tracker.end(lease, true);
      } else {
        tracker.holding(node.id, node.zone, id, clock.now());
      }
      if (node.blocks.cardinality() == blockCount) {
        node.finishedAt = node.diskFree;
      }
      fetchNext(node);
    }

    /** The source is dead: ask again, and not for it. */
    private void lost(SimNode from, int asked) {
      if (asked == round && !node.isDead) {
        round++;
        avoid.add(from.id);
        trackerOf(stripe).gone(from.id, id);
        ask();
      }
    }

    private void check(boolean holds, String what) {
      if (!holds) {
        throw new IllegalStateException(node.id + " stripe " + stripe + ": " + what);
      }
    }
  }
}
