package dev.larder.coordinator.logic;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * What the leader alone knows of members: when each was last seen, and since when. Decides who is
 * gone, who is stable, and when the next epoch is due; what it decides becomes records.
 *
 * <p>It counts on a clock that only goes forward, so steps of the wall clock move nothing. A new
 * leader knows nobody and gives everybody a whole deadline; so does one that could make nothing
 * durable for a time, whose members may have been refused meanwhile.
 *
 * <p><b>Threads:</b> any.
 */
public final class MemberWatch {
  private final Duration deadline;
  private final Duration stableAfter;
  private final Duration epochInterval;
  private final LongSupplier nanos;
  private final Map<String, Sight> sights = new HashMap<>();
  private long publishedAt;
  private long stoppedAt;
  private boolean hasStopped;
  private boolean hasPublished;

  /** When a member was seen, on the forward clock. */
  private record Sight(long firstNanos, long lastNanos) {}

  /**
   * What is to be done.
   *
   * @param gone members not seen for the deadline
   * @param stable members seen for long enough to track
   * @param publish whether what changed is to become an epoch now
   */
  public record Due(List<String> gone, List<String> stable, boolean publish) {
    /** Whether nothing is to be done. */
    public boolean isNothing() {
      return gone.isEmpty() && stable.isEmpty() && !publish;
    }
  }

  /**
   * A watch that has seen nobody.
   *
   * @param deadline absence after which a member is gone
   * @param stableAfter presence after which a member may track
   * @param epochInterval least time between two epochs
   * @param nanos a clock that only goes forward
   */
  public MemberWatch(
      Duration deadline, Duration stableAfter, Duration epochInterval, LongSupplier nanos) {
    this.deadline = deadline;
    this.stableAfter = stableAfter;
    this.epochInterval = epochInterval;
    this.nanos = nanos;
  }

  /** Begins to lead: what was seen before is old. */
  public synchronized void begin() {
    sights.clear();
    hasPublished = false;
    hasStopped = false;
  }

  /** Nothing can be made durable now: silence from here on does not count. */
  public synchronized void stopped() {
    hasStopped = true;
    stoppedAt = nanos.getAsLong();
  }

  /** A member gave a sign of life. */
  public synchronized void seen(String id) {
    long now = nanos.getAsLong();
    sights.merge(id, new Sight(now, now), (old, one) -> new Sight(old.firstNanos(), now));
  }

  /** A member was taken from the list. */
  public synchronized void forget(String id) {
    sights.remove(id);
  }

  /** How long ago a member was seen; empty where it was not since this coordinator leads. */
  public synchronized Optional<Duration> silence(String id) {
    Sight sight = sights.get(id);
    return sight == null
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(nanos.getAsLong() - sight.lastNanos()));
  }

  /**
   * Takes the right to publish an epoch now.
   *
   * @return whether enough time went by since the last one; the interval then begins anew
   */
  public synchronized boolean takeEpoch() {
    long now = nanos.getAsLong();
    if (hasPublished && now - publishedAt < epochInterval.toNanos()) {
      return false;
    }
    hasPublished = true;
    publishedAt = now;
    return true;
  }

  /** Looks at all members; those never seen count as seen now. */
  public synchronized Due due(MemberFacts facts) {
    long now = nanos.getAsLong();
    List<String> gone = new ArrayList<>();
    List<String> stable = new ArrayList<>();
    for (MemberFacts.Fact member : facts.members()) {
      Sight sight = sights.computeIfAbsent(member.id(), id -> new Sight(now, now));
      boolean isExcused = hasStopped && now - stoppedAt <= deadline.toNanos();
      if (!isExcused && now - sight.lastNanos() > deadline.toNanos()) {
        gone.add(member.id());
      } else if (!member.stable()
          && sight.lastNanos() - sight.firstNanos() >= stableAfter.toNanos()) {
        stable.add(member.id());
      }
    }
    if (sights.size() > facts.members().size()) {
      sights.keySet().retainAll(facts.members().stream().map(MemberFacts.Fact::id).toList());
    }
    boolean changes = facts.unpublished() || !gone.isEmpty() || !stable.isEmpty();
    return new Due(gone, stable, changes && takeEpoch());
  }
}
