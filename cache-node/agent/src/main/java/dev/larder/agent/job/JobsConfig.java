package dev.larder.agent.job;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;

/**
 * Bounds on jobs.
 *
 * @param jobsMax {@code jobs.max}: unfinished jobs
 * @param keptMax {@code jobs.kept-max}: ended jobs remembered
 * @param parallelMax {@code jobs.parallel-max}: blobs one warm-up fills at once
 * @param pinsMax {@code jobs.pins-max}: pins of this node
 */
public record JobsConfig(int jobsMax, int keptMax, int parallelMax, int pinsMax) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public JobsConfig {
    check(jobsMax >= 1, "jobs.max must be at least 1");
    check(keptMax >= 0, "jobs.kept-max must not be negative");
    check(parallelMax >= 1, "jobs.parallel-max must be at least 1");
    check(pinsMax >= 1, "jobs.pins-max must be at least 1");
  }

  /** 16 jobs, 100 remembered, 16 blobs at once, 10,000 pins. */
  public static JobsConfig defaults() {
    return new JobsConfig(16, 100, 16, 10_000);
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, message);
    }
  }
}
