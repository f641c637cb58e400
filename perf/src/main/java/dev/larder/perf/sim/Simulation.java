package dev.larder.perf.sim;

import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.peer.PeerConfig;
import dev.larder.agent.tracker.StripeId;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * A burst: every node wants the same cold blob at the same moment. Placement, trackers and the rule
 * for slow parents are the real ones; wires, disks and hashing are queues with a rate. One thread;
 * the same seed gives the same run; the books are compared after every event.
 *
 * <p>Left out: slow start and loss of TCP, the readers' own speed, other traffic. A wire serves
 * requests in the order they came, block by block. Written anew here, with the product's constants,
 * as the real ones are tied to sockets and files: the way of one run from parent to parent ({@link
 * Fetch}; a stripe is one run), and the random order of the stripes.
 */
public final class Simulation {
  /** Deadlines and bounds between nodes as they are by default. */
  static final PeerConfig PEERS = PeerConfig.defaults();

  static final Duration LEASE_DEADLINE = FillConfig.defaults().leaseDeadline();

  static final int ENTRIES_MAX = 10_000_000;
  private static final String ORIGIN = "origin";
  private static final long DEATH_MOMENT_MAX = 500_000_000L;

  private final Network network;
  private final Random random;
  private final Clockwork clock = new Clockwork();
  private final List<SimNode> nodes = new ArrayList<>();
  private final Map<String, SimNode> byId = new HashMap<>();
  private final SimNode origin;
  private final Ledger ledger;
  private final Placement placement;
  private final BlobKey key;
  private final int blockCount;
  private final List<StripeId> stripes = new ArrayList<>();

  /** By stripe and zone; asking the placement anew for each event would be most of the work. */
  private final List<Map<String, List<SimNode>>> ranks = new ArrayList<>();

  private final Map<String, Long> zoneOutFree = new HashMap<>();
  private final Map<String, Long> zoneInFree = new HashMap<>();
  private long crossZoneBytes;
  private long computedFree;

  private Simulation(Network network, long seed) {
    this.network = network;
    this.random = new Random(seed);
    this.key = BlobKey.origin(new Digest(seed, 1, 2, 3));
    this.blockCount = (int) Blocks.blockCount(network.blobBytes());
    for (int first = 0; first < blockCount; first += Blocks.STRIPE_BLOCKS) {
      stripes.add(new StripeId(key, stripes.size()));
      ranks.add(new HashMap<>());
    }
    this.origin = new SimNode(ORIGIN, "", network.originRate(), 0);
    this.ledger = new Ledger(origin);
    List<PlacedMember> members = new ArrayList<>();
    for (int i = 0; i < network.nodes(); i++) {
      String zone = network.zones() == 1 ? "" : "zone-" + i % network.zones();
      boolean isSlow = random.nextDouble() < network.troubles().slow();
      double up = isSlow ? network.upRate() / 10 : network.upRate();
      SimNode node = new SimNode("node-" + i, zone, up, network.downRate());
      nodes.add(node);
      byId.put(node.id, node);
      members.add(new PlacedMember(node.id, zone, 1));
    }
    this.placement = new Placement(1, members);
  }

  /**
   * Runs a burst to its end.
   *
   * @throws IllegalStateException when an invariant does not hold; the message names it
   */
  public static Outcome run(Network network, long seed) {
    Simulation simulation = new Simulation(network, seed);
    simulation.start();
    while (simulation.clock.step()) {
      simulation.ledger.check(simulation.clock.now());
    }
    return simulation.outcome();
  }

  private void start() {
    for (SimNode node : nodes) {
      if (random.nextDouble() < network.troubles().dying()) {
        long moment = (long) (random.nextDouble() * DEATH_MOMENT_MAX);
        clock.at(
            moment,
            () -> {
              node.isDead = true;
              goDown(node);
            });
      }
      clock.at((long) (random.nextDouble() * network.startNanos()), () -> begin(node));
    }
    if (network.troubles().waveNanos() > 0) {
      planRestarts();
    }
  }

  private void planRestarts() {
    List<SimNode> order = new ArrayList<>(nodes);
    Collections.shuffle(order, random);
    Network.Troubles troubles = network.troubles();
    int perWave = Math.max(1, (int) (nodes.size() * troubles.waveShare()));
    for (int i = 0; i < order.size(); i++) {
      SimNode node = order.get(i);
      long moment = (1 + i / perWave) * troubles.waveNanos();
      clock.at(moment, () -> goDown(node));
      clock.at(
          moment + troubles.downNanos(),
          () -> {
            node.isDown = false;
            begin(node);
          });
    }
  }

  private void goDown(SimNode node) {
    node.isDown = true;
    List<Fetch> readers = List.copyOf(node.readers);
    node.readers.clear();
    node.forget();
    readers.forEach(Fetch::notice);
  }

  /** As agents do: each takes the stripes in a random order of its own. */
  private void begin(SimNode node) {
    if (node.isDown) {
      return;
    }
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < stripes.size(); i++) {
      order.add(i);
    }
    Collections.shuffle(order, random);
    node.toFetch.addAll(order);
    for (int i = 0; i < network.parallel(); i++) {
      fetchNext(node);
    }
  }

  void fetchNext(SimNode node) {
    Integer stripe = node.toFetch.poll();
    while (stripe != null && hasStripe(node, stripe)) {
      stripe = node.toFetch.poll();
    }
    if (stripe != null) {
      new Fetch(this, node, stripe).ask();
    }
  }

  private Outcome outcome() {
    List<Double> times = new ArrayList<>();
    for (SimNode node : nodes) {
      if (!node.isDead) {
        require(node.finishedAt >= 0, node.id + " never had the whole blob");
        require(node.heldBytes == network.blobBytes(), node.id + " has another number of bytes");
        times.add(node.finishedAt / 1e9);
      }
    }
    Collections.sort(times);
    long[] uploads = nodes.stream().mapToLong(node -> node.uploadedBytes).sorted().toArray();
    return new Outcome(
        times,
        Arrays.stream(uploads).boxed().toList(),
        origin.uploadedBytes,
        crossZoneBytes,
        clock.handled());
  }

  /** Whom a node of a zone asks for a stripe: its zone's tracker, then those of all zones. */
  List<SimNode> ranks(int stripe, String zone) {
    return ranks
        .get(stripe)
        .computeIfAbsent(
            zone,
            any -> {
              List<SimNode> out = new ArrayList<>();
              zoneTracker(stripe, zone).ifPresent(out::add);
              placement
                  .ranked(key, stripe, PeerConfig.TRACKER_RANKS)
                  .forEach(member -> out.add(node(member.id())));
              return out;
            });
  }

  boolean isZoneTracker(SimNode tracker, int stripe, String zone) {
    return !zone.isEmpty()
        && ranks(stripe, zone).size() > PeerConfig.TRACKER_RANKS
        && ranks(stripe, zone).getFirst() == tracker;
  }

  private Optional<SimNode> zoneTracker(int stripe, String zone) {
    if (zone.isEmpty()) {
      return Optional.empty();
    }
    Optional<PlacedMember> near = placement.tracker(key, stripe, zone);
    Optional<PlacedMember> global = placement.tracker(key, stripe);
    return near.filter(member -> member.zone().equals(zone) && !near.equals(global))
        .map(member -> node(member.id()));
  }

  /** Whether others find out by their deadlines alone. */
  boolean isWithoutAWord(SimNode gone) {
    return gone.isDead && network.troubles().isHostLost();
  }

  /** How long until who reads from a member notices its end: sockets of a killed process close. */
  long breakNanos(SimNode gone) {
    return isWithoutAWord(gone) ? PEERS.progressDeadline().toNanos() : network.latencyNanos();
  }

  /** The same for who asks it something: a kept connection is tried first, then a fresh one. */
  long refusalNanos(SimNode asker, SimNode gone) {
    if (!isWithoutAWord(gone)) {
      return 2 * network.latencyNanos();
    }
    long fresh = PEERS.connectTimeout().toNanos();
    return asker.connected.contains(gone.id) ? PEERS.keptPatience().toNanos() + fresh : fresh;
  }

  /** Whether no link between zones is on the way. */
  boolean isWithinZone(SimNode from, SimNode to) {
    return from.zone.equals(to.zone) || (from == origin && network.zoneRate() <= 0);
  }

  /** When bytes that leave a node now are out of the links between zones. */
  long crossZones(SimNode from, SimNode to, long bytes) {
    if (from != origin) {
      crossZoneBytes += bytes;
    }
    if (network.zoneRate() <= 0) {
      return clock.now();
    }
    long way = nanos(bytes, network.zoneRate());
    long out = clock.now();
    if (from != origin) {
      out = Math.max(out, zoneOutFree.getOrDefault(from.zone, 0L) + way);
      zoneOutFree.put(from.zone, out);
    }
    long in = Math.max(out, zoneInFree.getOrDefault(to.zone, 0L) + way);
    zoneInFree.put(to.zone, in);
    return in;
  }

  /**
   * When cores that all nodes share are done with bytes that came; at once where each has its own.
   */
  long computed(long came, long bytes) {
    if (network.sharedRate() <= 0) {
      return came;
    }
    computedFree = Math.max(came, computedFree) + nanos(bytes, network.sharedRate());
    return computedFree;
  }

  SimNode node(String member) {
    SimNode node = byId.get(member);
    if (node == null) {
      throw new IllegalStateException("no member " + member);
    }
    return node;
  }

  boolean hasStripe(SimNode node, int stripe) {
    return node.blocks.nextClearBit(stripe * Blocks.STRIPE_BLOCKS) >= endBlock(stripe);
  }

  boolean isWhole(SimNode node) {
    return node.blocks.nextClearBit(0) >= blockCount;
  }

  int endBlock(int stripe) {
    return Math.min(blockCount, (stripe + 1) * Blocks.STRIPE_BLOCKS);
  }

  StripeId id(int stripe) {
    return stripes.get(stripe);
  }

  long blockBytes(int block) {
    return Blocks.blockLength(network.blobBytes(), block);
  }

  SimNode origin() {
    return origin;
  }

  Network network() {
    return network;
  }

  Clockwork clock() {
    return clock;
  }

  Ledger ledger() {
    return ledger;
  }

  void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException("invariant broken: " + what);
    }
  }

  static long nanos(long bytes, double rate) {
    return (long) (bytes / rate * 1e9);
  }
}
