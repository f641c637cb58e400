package dev.larder.store;

import java.util.SplittableRandom;

/** Seeds of random tests. {@code -Dlarder.seed=} replays; every test names its seed on failure. */
public final class Seeds {
  private static final long FIXED = Long.getLong("larder.seed", 0);

  private Seeds() {}

  /** The seed asked for, else a fresh one. */
  public static long next() {
    return FIXED != 0 ? FIXED : new SplittableRandom().nextLong(1, Long.MAX_VALUE);
  }
}
