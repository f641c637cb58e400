package dev.larder.agent;

import dev.larder.agent.fill.FillMeter;
import dev.larder.agent.metrics.AgentMetrics;

/** Counts data requests. Any thread. */
record Meter(AgentMetrics metrics) implements FillMeter {
  @Override
  public void originRequest(String kind, String code) {
    metrics.originRequest(kind, code);
  }

  @Override
  public void originBytes(String kind, long bytes) {
    metrics.originBytes(kind, bytes);
  }

  @Override
  public void integrityFailure(String where) {
    metrics.integrityFailure(where);
  }
}
