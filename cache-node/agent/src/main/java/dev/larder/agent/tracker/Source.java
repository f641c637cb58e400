package dev.larder.agent.tracker;

import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** A member that has a stripe or is fetching it. Guarded like {@link Tracker}. */
final class Source {
  /** Nearest to the bytes first, then the least busy, then who came first. */
  static final Comparator<Source> ORDER =
      Comparator.comparingInt((Source source) -> source.depth)
          .thenComparingInt(source -> source.children)
          .thenComparingLong(source -> source.number);

  final String member;
  final String zone;
  private final long number;

  /** Whom it reads from; null for who has the stripe, fetches from the origin, or lost its own. */
  @Nullable Source parent;

  /** Steps to the whole bytes: 0 has them, 1 fetches them from the origin. */
  int depth;

  /** How many read from it now. */
  int children;

  boolean isComplete;
  boolean isGone;
  long progressNanos;

  Source(String member, String zone, long number) {
    this.member = member;
    this.zone = zone;
    this.number = number;
  }
}
