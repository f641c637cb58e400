package dev.larder.dist.quickstart;

import dev.larder.protocol.DataSize;
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
  /** Part of the dataset that the origin may send more than once. */
  private static final double DUPLICATES_MAX = 0.05;

  /** Bytes that a node's readers got: from its own disk, from other members, from the origin. */
  record Node(String name, long local, long peer, long origin) {}

  /** Whether every byte matched and the origin sent the dataset once. */
  boolean passed() {
    return whole.passed()
        && whole.phases().getFirst().originBytes() <= whole.bytes() * (1 + DUPLICATES_MAX);
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
