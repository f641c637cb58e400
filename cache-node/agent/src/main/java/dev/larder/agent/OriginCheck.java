package dev.larder.agent;

import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.origin.Origin;
import dev.larder.origin.OriginLimits;
import dev.larder.origin.OriginOptions;
import dev.larder.origin.Origins;
import dev.larder.origin.SecretMemory;
import java.time.Clock;

/** Asks origins whether they are there and accept a secret; keeps nothing of it. Any thread. */
public final class OriginCheck {
  // Somebody waits, who has another way where the origin is away.
  private static final int ATTEMPTS = 2;

  private final OriginLimits limits;
  private final AgentMetrics metrics;
  private final Clock clock;

  OriginCheck(OriginLimits node, AgentMetrics metrics, Clock clock) {
    this.limits =
        new OriginLimits(
            node.connectionsMax(),
            node.bytesPerSecond(),
            node.progressDeadline(),
            Math.min(ATTEMPTS, node.attemptsMax()),
            node.retryDelayMin(),
            node.retryDelayMax());
    this.metrics = metrics;
    this.clock = clock;
  }

  /**
   * Asks one. Blocks, for two attempts at most.
   *
   * @param own the secrets that its options refer to
   * @throws dev.larder.protocol.LarderException BAD_ORIGIN, ORIGIN_* and DEADLINE as a listing
   *     gives them
   */
  public void run(String uri, OriginOptions options, SecretMemory own) {
    try (Origin origin =
        Origins.open(uri, options, limits, new Listings(metrics, uri), own, clock)) {
      origin.check();
    }
  }
}
