package dev.larder.dist.quickstart;

import dev.larder.dist.quickstart.Fleet.Sources;
import dev.larder.dist.quickstart.QuickstartReport.Phase;
import dev.larder.protocol.DataSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What the quickstart of a cluster found.
 *
 * @param whole phases count all nodes together; origin figures are the S3 server's own
 * @param nodes where each node's reads came from, by its own counters
 */
record FleetReport(QuickstartReport whole, List<Node> nodes) {
  /**
   * Part that may come twice: a block that was broken off, a small file whose holder does not
   * answer in time on a machine that is at its limit.
   */
  private static final double TWICE_MAX = 0.01;

  /**
   * Bytes that a node's readers got: from its own disk, from other members, from the origin. Each
   * is counted by the agent on its own, so that they need not add up.
   *
   * @param local handed out of what the node had, in the phases after the first: before, it has
   *     nothing, and what was fetched ahead of its reader counts where it came from
   * @param read what its readers got, as they counted it
   */
  record Node(String name, long local, long peer, long origin, long read) {
    static Node none(String name) {
      return new Node(name, 0, 0, 0, 0);
    }

    /** With one more phase. */
    Node plus(Sources phase, long readBytes, boolean isFirst) {
      return new Node(
          name,
          local + (isFirst ? 0 : phase.local()),
          peer + phase.peer(),
          origin + phase.origin(),
          read + readBytes);
    }
  }

  /** Whether every byte matched and the origin sent the dataset about once. */
  boolean passed() {
    return faults().isEmpty();
  }

  /** What is not as it must be, a line each. */
  List<String> faults() {
    List<String> faults = new ArrayList<>();
    if (!whole.passed()) {
      faults.add("files differ, or a later phase asked the origin");
    }
    long first = whole.phases().getFirst().originBytes();
    if (!isOnce(first, whole.bytes())) {
      faults.add("the origin sent " + first + " bytes of " + whole.bytes());
    }
    long sent = whole.phases().stream().mapToLong(Phase::originBytes).sum();
    long fetched = nodes.stream().mapToLong(Node::origin).sum();
    if (!isOnce(Math.max(fetched, sent), Math.min(fetched, sent))) {
      faults.add("nodes counted " + fetched + " bytes from the origin, which sent " + sent);
    }
    for (Node node : nodes) {
      long sources = node.local() + node.peer() + node.origin();
      if (!isOnce(sources, node.read())) {
        faults.add(node.name() + " counted " + sources + " bytes, its readers got " + node.read());
      }
    }
    return faults;
  }

  private static boolean isOnce(long bytes, long wanted) {
    return bytes >= wanted && bytes <= wanted * (1 + TWICE_MAX);
  }

  /** One JSON object on one line. */
  String json() {
    String base = whole.json();
    String shares =
        nodes.stream()
            .map(node ->
                String.format(
                    Locale.ROOT,
                    "{\"name\":\"%s\",\"local\":%d,\"peer\":%d,\"origin\":%d}",
                    node.name(),
                    node.local(),
                    node.peer(),
                    node.origin()))
            .collect(Collectors.joining(","));
    return base.substring(0, base.length() - 1) + ",\"nodes\":[" + shares + "]}";
  }

  /** Tables for people. */
  String table() {
    StringBuilder out = new StringBuilder(whole.table());
    out.append(
        String.format(
            Locale.ROOT, "%n%-10s %12s %12s %12s%n", "NODE", "OWN DISK", "MEMBERS", "ORIGIN"));
    for (Node node : nodes) {
      out.append(
          String.format(
              Locale.ROOT,
              "%-10s %12s %12s %12s%n",
              node.name(),
              DataSize.human(node.local()),
              DataSize.human(node.peer()),
              DataSize.human(node.origin())));
    }
    return out.toString();
  }
}
