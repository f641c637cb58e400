package dev.larder.perf.sim;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A node, or the origin, of a simulated network: what it has, and until when its parts are busy.
 */
final class SimNode {
  final String id;
  final String zone;
  final double upRate;
  final double downRate;
  final double diskRate;
  final BitSet blocks = new BitSet();

  /** By block: readers to be told when it comes. */
  final Map<Integer, List<Runnable>> waiting = new HashMap<>();

  /** Stripes not begun, in the node's own order. */
  final ArrayDeque<Integer> toFetch = new ArrayDeque<>();

  boolean isDead;
  long upFree;
  long downFree;
  long diskFree;
  long uploadedBytes;
  long finishedAt = -1;

  SimNode(String id, String zone, double upRate, double downRate, double diskRate) {
    this.id = id;
    this.zone = zone;
    this.upRate = upRate;
    this.downRate = downRate;
    this.diskRate = diskRate;
  }

  void whenHere(int block, Runnable reader) {
    waiting.computeIfAbsent(block, any -> new ArrayList<>(2)).add(reader);
  }
}
