package dev.larder.perf.sim;

import dev.larder.agent.fill.ParentRates;
import dev.larder.agent.tracker.Tracker;
import dev.larder.agent.tracker.TrackerDesk;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A node, or the origin, of a simulated network: what it has, and until when its parts are busy.
 */
final class SimNode {
  final String id;
  final String zone;
  final double upRate;
  final double downRate;
  final BitSet blocks = new BitSet();

  /** By block, or by {@code -1 - stripe} for a whole one: readers to be told when it comes. */
  final Map<Integer, List<Runnable>> waiting = new HashMap<>();

  /** Stripes not begun, in the node's own order. */
  final ArrayDeque<Integer> toFetch = new ArrayDeque<>();

  /** By stripe: its way there. */
  final Map<Integer, Fetch> fetching = new HashMap<>();

  /** Who was sent here and reads. */
  final Set<Fetch> readers = new LinkedHashSet<>();

  /** Trackers that did not answer. */
  final Set<String> silent = new HashSet<>();

  /** Parents that were slow. */
  final Set<String> demoted = new HashSet<>();

  /** Members found gone: it asks for no stripe from them, for longer than a burst lasts. */
  final Set<String> avoided = new HashSet<>();

  /** Whom it has open connections to. */
  final Set<String> connected = new HashSet<>();

  ParentRates rates = new ParentRates();
  boolean isDown;

  /** Whether it went without a word; else its sockets say so at once. */
  boolean isDead;

  /** Grows with each restart: what was before is of no use. */
  int life;

  long upFree;
  long downFree;
  long diskFree;
  long hashFree;
  long uploadedBytes;
  long receivedBytes;
  long heldBytes;
  long finishedAt = -1;
  private @Nullable Tracker tracker;
  private @Nullable TrackerDesk desk;

  SimNode(String id, String zone, double upRate, double downRate) {
    this.id = id;
    this.zone = zone;
    this.upRate = upRate;
    this.downRate = downRate;
  }

  /** A block that was not here is. */
  void keep(int block, long bytes) {
    if (blocks.get(block)) {
      throw new IllegalStateException(id + " has block " + block + " already");
    }
    blocks.set(block);
    heldBytes += bytes;
  }

  void whenHere(int what, Runnable reader) {
    waiting.computeIfAbsent(what, any -> new ArrayList<>(2)).add(reader);
  }

  void isHere(int what) {
    List<Runnable> told = waiting.remove(what);
    if (told != null) {
      told.forEach(Runnable::run);
    }
  }

  /** Its tracker, new after a restart. */
  Tracker tracker(Network network, Clockwork clock) {
    Tracker now = tracker;
    if (now == null) {
      now = new Tracker(Simulation.LEASE_DEADLINE, Simulation.ENTRIES_MAX, network.fanOut());
      tracker = now;
      desk = new TrackerDesk(now, clock::now);
    }
    return now;
  }

  TrackerDesk desk(Network network, Clockwork clock) {
    tracker(network, clock);
    if (desk == null) {
      throw new IllegalStateException("a tracker without a desk");
    }
    return desk;
  }

  /** What is in memory is gone, what is on disk stays. */
  void forget() {
    life++;
    tracker = null;
    desk = null;
    waiting.clear();
    fetching.clear();
    toFetch.clear();
    silent.clear();
    demoted.clear();
    avoided.clear();
    connected.clear();
    rates = new ParentRates();
  }
}
