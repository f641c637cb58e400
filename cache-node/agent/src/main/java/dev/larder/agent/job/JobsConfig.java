package dev.larder.agent.job;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/**
 * Bounds on jobs.
 *
 * @param jobsMax {@code jobs.max}: unfinished jobs
 * @param keptMax {@code jobs.kept-max}: ended jobs remembered
 * @param parallelMax {@code jobs.parallel-max}: blobs one warm-up fills at once
 * @param pinsMax {@code jobs.pins-max}: pins of this node
 * @param bandwidthMax {@code jobs.bandwidth-max}: bytes a second all warm-ups of this node bring
 *     in; 0 for no cap
 * @param standing how this node sees to warm-ups over nodes, see {@link Standing}
 */
public record JobsConfig(
    int jobsMax, int keptMax, int parallelMax, int pinsMax, long bandwidthMax, Standing standing) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public JobsConfig {
    check(jobsMax >= 1, "jobs.max must be at least 1");
    check(keptMax >= 0, "jobs.kept-max must not be negative");
    check(parallelMax >= 1, "jobs.parallel-max must be at least 1");
    check(pinsMax >= 1, "jobs.pins-max must be at least 1");
    check(bandwidthMax >= 0, "jobs.bandwidth-max must not be negative");
  }

  /** 16 jobs, 100 remembered, 16 blobs at once, 10,000 pins, no cap. */
  public static JobsConfig defaults() {
    return new JobsConfig(16, 100, 16, 10_000, 0, Standing.defaults());
  }

  /**
   * Warm-ups over nodes.
   *
   * @param parallelMax {@code jobs.warm-ups-parallel-max}: those at work at once; others wait
   * @param retryMin {@code jobs.retry-min}: from a failure to the next try; doubles
   * @param retryMax {@code jobs.retry-max}: longest time between tries
   * @param recheckAfter {@code jobs.recheck-delay}: from an eviction to looking whether all is
   *     still local
   */
  public record Standing(
      int parallelMax, Duration retryMin, Duration retryMax, Duration recheckAfter) {

    /** Checks bounds; BAD_CONFIG names the key. */
    public Standing {
      check(parallelMax >= 1, "jobs.warm-ups-parallel-max must be at least 1");
      check(retryMin.isPositive(), "jobs.retry-min must be positive");
      check(retryMax.compareTo(retryMin) >= 0, "jobs.retry-max must be at least jobs.retry-min");
      check(recheckAfter.isPositive(), "jobs.recheck-delay must be positive");
    }

    /** Two at once, tries after 2 s to 2 min, looked at 5 s after an eviction. */
    public static Standing defaults() {
      return new Standing(2, Duration.ofSeconds(2), Duration.ofMinutes(2), Duration.ofSeconds(5));
    }
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, message);
    }
  }
}
