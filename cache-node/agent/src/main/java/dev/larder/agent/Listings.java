package dev.larder.agent;

import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.origin.OriginMetrics;
import dev.larder.protocol.ErrorCode;

/** Counts listings, single objects asked for, and requests that had to be repeated. Any thread. */
record Listings(AgentMetrics metrics, String uri) implements OriginMetrics {
  @Override
  public void request(Operation operation) {
    if (operation != Operation.READ) {
      metrics.originRequest(kind(), "ok");
    }
  }

  @Override
  public void retry(ErrorCode code) {
    metrics.originRequest(kind(), code.name());
  }

  private String kind() {
    int colon = uri.indexOf(':');
    return colon < 0 ? "file" : uri.substring(0, colon);
  }
}
