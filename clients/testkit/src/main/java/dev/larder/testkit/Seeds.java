package dev.larder.testkit;

import java.util.Random;

/**
 * Runs a random test with a seed that is named when it fails. {@code -Dlarder.seed=N} repeats one
 * run.
 */
public final class Seeds {
  private static final String PROPERTY = "larder.seed";

  private Seeds() {}

  /** A test body that draws from a random source. */
  @FunctionalInterface
  public interface Body {
    /** Draws nothing from any other source of chance. */
    void run(Random random) throws Exception;
  }

  /** Runs a body with one seed: the one of the property, else a fresh one. */
  public static void run(Body body) {
    run(1, body);
  }

  /**
   * Runs a body several times, each with a seed of its own; once with the property's where it is
   * set.
   *
   * @throws AssertionError naming the seed of the run that failed
   */
  public static void run(int times, Body body) {
    Long fixed = Long.getLong(PROPERTY);
    for (int i = 0; i < (fixed == null ? times : 1); i++) {
      long seed = fixed == null ? System.nanoTime() * 31 + i : fixed;
      try {
        body.run(new Random(seed));
      } catch (Throwable failure) {
        throw new AssertionError(
            "failed with -D" + PROPERTY + "=" + seed + ": " + failure, failure);
      }
    }
  }
}
