package dev.larder.agent.tracker;

import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** A member that has a stripe or is fetching it. Guarded like {@link Tracker}. */
final class Source {
  /**
   * After so many readers a member gives way to others as near and as busy, lest who had a stripe
   * first send it to all who come one after the other. Not after each: who is quick comes first.
   * Measured in the simulation, see docs/decisions/0007.
   */
  private static final int TURN_READERS = 4;

  /** Nearest to the bytes first, then the least busy, then who had fewer turns, then who came. */
  static final Comparator<Source> ORDER =
      Comparator.comparingInt((Source source) -> source.depth)
          .thenComparingInt(source -> source.children)
          .thenComparingInt(source -> source.readersEver / TURN_READERS)
          .thenComparingLong(source -> source.number);

  final String member;
  final String zone;
  final long voice;
  private final long number;

  /** Whom it reads from; null for who has the stripe, fetches from the origin, or lost its own. */
  @Nullable Source parent;

  /** Steps to the whole bytes: 0 has them, 1 fetches them from the origin. */
  int depth;

  /** How many read from it now. */
  int children;

  /** How many were ever sent to it. */
  int readersEver;

  boolean isComplete;
  boolean isGone;
  long progressNanos;
  private int guests;
  private long guestsSinceNanos;

  Source(String member, String zone, long voice, long number) {
    this.member = member;
    this.zone = zone;
    this.voice = voice;
    this.number = number;
  }

  /** Counts a reader past the slots; false when there were so many within the window already. */
  boolean admits(long nowNanos, long windowNanos, int max) {
    if (nowNanos - guestsSinceNanos > windowNanos) {
      guests = 0;
    }
    if (guests == 0) {
      guestsSinceNanos = nowNanos;
    }
    if (guests >= max) {
      return false;
    }
    guests++;
    return true;
  }
}
