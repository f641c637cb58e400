package dev.larder.perf.sim;

import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.ParentRates;
import dev.larder.agent.peer.PeerConfig;
import dev.larder.agent.tracker.Asker;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Kind;
import dev.larder.agent.tracker.Tracker;
import dev.larder.protocol.Blocks;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One node's way to one stripe, as agents go it: the zone's tracker, then the one of all zones, the
 * next rank where one is silent; from a parent or the origin; a word to the trackers at the end.
 */
final class Fetch {
  private final Simulation sim;
  private final Network network;
  private final Clockwork clock;
  private final SimNode node;
  private final int life;
  private final int stripe;
  private final StripeId id;
  private final int first;
  private final int end;
  private final List<Place> places = new ArrayList<>(2);
  private SimNode source;
  private String lostParent = "";
  private boolean isAsking = true;
  private int next;
  private int missing;
  private int round;
  private int failed;
  private long toldAt;
  private long cameAt;
  private long windowStart;
  private long windowBytes;

  /** What the node is to a tracker; {@code lease} 0 for a reader. */
  private record Place(SimNode tracker, int life, long lease) {}

  Fetch(Simulation sim, SimNode node, int stripe) {
    this.sim = sim;
    this.network = sim.network();
    this.clock = sim.clock();
    this.node = node;
    this.life = node.life;
    this.stripe = stripe;
    this.id = sim.id(stripe);
    this.first = stripe * Blocks.STRIPE_BLOCKS;
    this.end = sim.endBlock(stripe);
    this.missing = end - first - node.blocks.get(first, end).cardinality();
    this.next = first;
    this.source = sim.origin();
    node.fetching.put(stripe, this);
  }

  void ask() {
    isAsking = true;
    places.clear();
    toldAt = clock.now();
    if (failed >= FillConfig.PARENTS_MAX) {
      assigned(sim.origin());
      return;
    }
    askRank(sim.ranks(stripe, node.zone), 0);
  }

  private boolean isOver() {
    return node.isDown || node.life != life;
  }

  private void askRank(List<SimNode> ranks, int from) {
    int rank = from;
    while (rank < ranks.size() && node.silent.contains(ranks.get(rank).id)) {
      rank++;
    }
    if (rank == ranks.size()) {
      assigned(sim.origin());
      return;
    }
    int asked = rank;
    SimNode tracker = ranks.get(rank);
    long way = tracker == node ? 0 : network.latencyNanos();
    clock.at(clock.now() + way, () -> reachTracker(ranks, asked, tracker, way));
  }

  private void reachTracker(List<SimNode> ranks, int rank, SimNode tracker, long way) {
    if (isOver()) {
      return;
    }
    if (tracker.isDown) {
      clock.at(
          clock.now() + sim.refusalNanos(node, tracker) - way,
          () -> {
            if (!isOver()) {
              node.silent.add(tracker.id);
              askRank(ranks, rank + 1);
            }
          });
      return;
    }
    node.connected.add(tracker.id);
    Assignment answer =
        tracker
            .desk(network, clock)
            .ask(new Asker(node.id, node.zone, node.avoided, node.demoted), id, lostParent, 0)
            .assignment();
    int trackerLife = tracker.life;
    clock.at(
        clock.now() + way,
        () -> {
          if (!isOver()) {
            answered(ranks, rank, new Place(tracker, trackerLife, lease(answer)), answer);
          }
        });
  }

  private static long lease(Assignment answer) {
    return answer instanceof Assignment.Lease granted ? granted.lease() : 0;
  }

  private void answered(List<SimNode> ranks, int rank, Place place, Assignment answer) {
    boolean isZone = sim.isZoneTracker(place.tracker, stripe, node.zone);
    if (answer instanceof Assignment.Parent parent) {
      places.add(place);
      SimNode named = sim.node(parent.member());
      sim.require(named != node, node.id + " is sent to itself");
      // One more where no slot is free, which spares the origin.
      sim.require(
          place.tracker.life != place.life
              || place.tracker.tracker(network, clock).readers(named.id, id)
                  <= network.fanOut() + 1,
          named.id + " has more readers than the fan-out");
      assigned(named);
      return;
    }
    if (place.lease != 0) {
      places.add(place);
    }
    long leases =
        places.stream().filter(each -> !sim.isZoneTracker(each.tracker, stripe, node.zone)).count();
    boolean mayFollow =
        rank + 1 < ranks.size()
            && (ranks.get(rank + 1).zone.isEmpty()
                || ranks.get(rank + 1).zone.equals(place.tracker.zone));
    if (isZone || (place.lease != 0 && leases < PeerConfig.LEASES_MAX && mayFollow)) {
      askRank(ranks, rank + 1);
    } else {
      assigned(sim.origin());
    }
  }

  private void assigned(SimNode from) {
    source.readers.remove(this);
    source = from;
    isAsking = false;
    lostParent = "";
    round++;
    if (missing == 0) {
      // The last blocks came while it asked.
      done();
      return;
    }
    if (from.isDown) {
      int asked = round;
      clock.at(clock.now() + sim.refusalNanos(node, from), () -> foundGone(asked, true));
      return;
    }
    if (from != sim.origin()) {
      from.readers.add(this);
      node.connected.add(from.id);
      requireNoCircle();
      cameAt = clock.now();
      watch(round);
    }
    next = node.blocks.nextClearBit(first);
    windowStart = clock.now();
    windowBytes = 0;
    for (int i = 0; i < network.window(); i++) {
      request();
    }
  }

  private void request() {
    next = node.blocks.nextClearBit(next);
    if (next < end) {
      int block = next++;
      int asked = round;
      clock.at(clock.now() + network.latencyNanos(), () -> reached(block, asked));
    }
  }

  /** A source that has had nothing for a while says so, and the reader asks its tracker again. */
  private void watch(int asked) {
    long patience = Simulation.PEERS.waitPatience().toNanos();
    clock.at(
        cameAt + patience,
        () -> {
          if (asked != round || isOver() || source.isDown) {
            return;
          }
          if (clock.now() - cameAt < patience) {
            watch(asked);
          } else if (source.blocks.get(node.blocks.nextClearBit(first))) {
            // On its way: only the wire is slow.
            cameAt = clock.now();
            watch(asked);
          } else {
            leave();
          }
        });
  }

  /** The request is at the source. */
  private void reached(int block, int asked) {
    if (isOver() || asked != round || source.isDown) {
      // Who reads from a node that goes hears of it.
      return;
    }
    boolean isOrigin = source == sim.origin();
    if (!isOrigin && !network.cutsThrough() && !sim.hasStripe(source, stripe)) {
      source.whenHere(-1 - stripe, () -> reached(block, asked));
    } else if (isOrigin || source.blocks.get(block)) {
      send(block, asked, isOrigin);
    } else {
      source.whenHere(block, () -> reached(block, asked));
    }
  }

  private void send(int block, int asked, boolean isOrigin) {
    SimNode from = source;
    int fromLife = from.life;
    long bytes = sim.blockBytes(block);
    long sent = Math.max(clock.now(), from.upFree) + Simulation.nanos(bytes, from.upRate);
    from.upFree = sent;
    sim.ledger().sent(from, block, isOrigin, bytes);
    // Each queue is joined when the bytes are there, not when they are asked for: else those of a
    // busy source would hold up those of another that come before them.
    if (sim.isWithinZone(from, node)) {
      clock.at(sent + network.latencyNanos(), () -> comesIn(from, fromLife, block, asked));
    } else {
      clock.at(
          sent,
          () ->
              clock.at(
                  sim.crossZones(from, node, bytes) + network.latencyNanos(),
                  () -> comesIn(from, fromLife, block, asked)));
    }
  }

  /** The last byte of a block is at the node's wire, if that was free. */
  private void comesIn(SimNode from, int fromLife, int block, int asked) {
    long bytes = sim.blockBytes(block);
    node.downFree = Math.max(clock.now(), node.downFree + Simulation.nanos(bytes, node.downRate));
    node.hashFree =
        Math.max(node.downFree, node.hashFree + Simulation.nanos(bytes, network.hashRate()));
    long checked = Math.max(node.hashFree, sim.computed(node.downFree, bytes));
    clock.at(
        checked,
        () -> {
          boolean isLost = isOver() || (from != sim.origin() && from.life != fromLife);
          sim.ledger().ended(node, bytes, isLost);
          if (!isLost) {
            arrived(block, asked, bytes);
          }
        });
  }

  private void arrived(int block, int asked, long bytes) {
    if (!node.blocks.get(block)) {
      node.keep(block, bytes);
      missing--;
      node.diskFree =
          Math.max(node.diskFree, clock.now()) + Simulation.nanos(bytes, network.diskRate());
      node.isHere(block);
    }
    if (asked != round) {
      // Of a source it has left meanwhile.
      return;
    }
    cameAt = clock.now();
    windowBytes += bytes;
    if (missing == 0) {
      noteRate();
      done();
    } else if (isTooSlow()) {
      node.demoted.add(source.id);
      leave();
    } else if (stillStands()) {
      request();
    } else {
      leave();
    }
  }

  /** Reports as agents do: who fetches with each block, for its digest; who reads now and then. */
  private boolean stillStands() {
    boolean isFetching = places.stream().anyMatch(place -> place.lease != 0);
    if (!isFetching
        && clock.now() - toldAt < Simulation.LEASE_DEADLINE.toNanos() / Tracker.RENEWALS) {
      return true;
    }
    toldAt = clock.now();
    for (Place place : places) {
      boolean stands =
          !place.tracker.isDown
              && place.tracker.life == place.life
              && report(place.tracker, Kind.PROGRESS, place.lease);
      if (!stands && place.tracker.isDown) {
        node.silent.add(place.tracker.id);
      }
      if (!stands) {
        return false;
      }
    }
    return true;
  }

  private boolean report(SimNode tracker, Kind kind, long lease) {
    StripeReport report = new StripeReport(id, kind, lease, 0, BlockDigests.NONE);
    return tracker.desk(network, clock).report(node.id, node.zone, report).stands();
  }

  private boolean isTooSlow() {
    if (source == sim.origin() || clock.now() - windowStart < ParentRates.WINDOW_NANOS) {
      return false;
    }
    noteRate();
    // Who is named although it is known to be slow is the only one there is.
    return !node.demoted.contains(source.id) && node.rates.isSlow(source.id, clock.now());
  }

  private void noteRate() {
    if (source != sim.origin()) {
      long now = clock.now();
      node.rates.note(source.id, windowBytes, now - windowStart, now);
      windowStart = now;
      windowBytes = 0;
    }
  }

  private void done() {
    round++;
    node.fetching.remove(stripe);
    source.readers.remove(this);
    Set<SimNode> told = new HashSet<>();
    for (Place place : places) {
      complete(place.tracker, place.lease, told);
    }
    if (places.stream().anyMatch(place -> place.lease != 0)) {
      // Whoever follows a tracker that goes must know where the stripe is.
      sim.ranks(stripe, node.zone).forEach(tracker -> complete(tracker, 0, told));
    }
    if (places.isEmpty()) {
      sim.ranks(stripe, node.zone).stream()
          .filter(tracker -> !node.silent.contains(tracker.id))
          .findFirst()
          .ifPresent(tracker -> complete(tracker, 0, told));
    }
    node.isHere(-1 - stripe);
    if (sim.isWhole(node) && node.finishedAt < 0) {
      node.finishedAt = node.diskFree;
    }
    sim.fetchNext(node);
  }

  /** Says that it has the stripe; to the next rank once a tracker is found to be gone. */
  private void complete(SimNode tracker, long lease, Set<SimNode> told) {
    if (!tracker.isDown) {
      if (told.add(tracker)) {
        report(tracker, Kind.COMPLETE, lease);
      }
      return;
    }
    clock.at(
        clock.now() + sim.refusalNanos(node, tracker),
        () -> {
          if (!isOver()) {
            node.silent.add(tracker.id);
            sim.ranks(stripe, node.zone).stream()
                .filter(other -> !node.silent.contains(other.id))
                .findFirst()
                .ifPresent(other -> complete(other, 0, told));
          }
        });
  }

  /** The source went: after a while it is noticed. */
  void notice() {
    int asked = round;
    boolean isTold = !sim.isWithoutAWord(source);
    clock.at(clock.now() + sim.breakNanos(source), () -> foundGone(asked, isTold));
  }

  /** Who falls silent is left; of who breaks off or cannot be reached the tracker hears too. */
  private void foundGone(int asked, boolean isTold) {
    if (asked == round && !isOver()) {
      node.avoided.add(source.id);
      failed++;
      lostParent = isTold ? source.id : "";
      leave();
    }
  }

  /** Asks again. */
  private void leave() {
    round++;
    source.readers.remove(this);
    ask();
  }

  /** Following parents must lead to bytes and never back here. */
  private void requireNoCircle() {
    SimNode at = source;
    while (at != sim.origin() && !at.isDown && !sim.hasStripe(at, stripe)) {
      sim.require(at != node, node.id + " waits for itself");
      Fetch above = at.fetching.get(stripe);
      if (above == null || above.isAsking) {
        return;
      }
      at = above.source;
    }
  }
}
