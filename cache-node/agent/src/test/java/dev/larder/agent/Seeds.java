package dev.larder.agent;

import java.util.Random;
import java.util.function.Consumer;

/** Runs random tests with seeds that can be given again: {@code -Dlarder.seed=}. */
public final class Seeds {
  private Seeds() {}

  /** Runs a test with so many seeds, or with the one that was given. */
  public static void run(int rounds, Consumer<Random> test) {
    String given = System.getProperty("larder.seed");
    long first = given != null ? Long.parseLong(given) : System.nanoTime();
    for (int round = 0; round < (given != null ? 1 : rounds); round++) {
      long seed = first + round;
      try {
        test.accept(new Random(seed));
      } catch (RuntimeException | Error e) {
        throw new AssertionError("failed with -Dlarder.seed=" + seed, e);
      }
    }
  }
}
