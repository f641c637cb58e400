package dev.larder.coordinator.api;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A warm-up and how far its nodes are.
 *
 * @param nodes by member id: whom the selector means now, also those that were not heard of
 */
public record WarmUpOverview(WarmUpJob job, Map<String, WarmUpProgress> nodes) {

  /** Copies the nodes, ordered by id. */
  public WarmUpOverview {
    nodes = Collections.unmodifiableMap(new TreeMap<>(nodes));
  }

  /**
   * One word for all: {@code cancelled}, {@code expired}; {@code waiting} while no node matches;
   * {@code failed} where a node failed last; {@code ready} where every node is; else {@code
   * filling}.
   */
  public String state() {
    return switch (job.state()) {
      case CANCELLED -> "cancelled";
      case EXPIRED -> "expired";
      case STANDING -> ofNodes();
    };
  }

  private String ofNodes() {
    if (nodes.isEmpty()) {
      return "waiting";
    }
    if (has(WarmUpProgress.State.FAILED)) {
      return "failed";
    }
    return nodes.values().stream().allMatch(node -> node.state() == WarmUpProgress.State.READY)
        ? "ready"
        : "filling";
  }

  private boolean has(WarmUpProgress.State state) {
    return nodes.values().stream().anyMatch(node -> node.state() == state);
  }
}
