package dev.larder.agent.tracker;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Who has or fetches one stripe, and from whom. Guarded like {@link Tracker}. */
final class StripeSources {
  /**
   * Sources looked at for a way around some members: where one of these is near the root, nearly
   * all ways lead over it, and everybody's asks wait meanwhile.
   */
  private static final int LOOKS_MAX = 32;

  /*
   * `open` holds, zone by zone, the sources with a free slot, in the order they are handed out. A
   * source's place depends on its depth and children, so it is taken out before either changes.
   */

  private final int fanOut;
  private final long deadlineNanos;
  private final Consumer<Source> removed;
  private final Map<String, Source> members = new HashMap<>(4);
  private final Map<String, TreeSet<Source>> open = new HashMap<>(2);
  private @Nullable Source lessee;
  private long lease;
  private final Told told = new Told();

  /**
   * Of nobody yet.
   *
   * @param removed hears of each source that is forgotten
   */
  StripeSources(int fanOut, long deadlineNanos, Consumer<Source> removed) {
    this.fanOut = fanOut;
    this.deadlineNanos = deadlineNanos;
    this.removed = removed;
  }

  int size() {
    return members.size();
  }

  /** What the holders of its leases told of its blocks. */
  Told told() {
    return told;
  }

  BlockDigests digests() {
    return told.digests();
  }

  long lease() {
    return lease;
  }

  @Nullable Source lessee() {
    return lessee;
  }

  boolean hasLiveLease(long now) {
    return lessee != null && now - lessee.progressNanos <= deadlineNanos;
  }

  @Nullable Source find(String member) {
    return members.get(member);
  }

  /** A source of this member, added when there is none. */
  Source add(String member, String zone, long voice, long number) {
    Source old = members.get(member);
    if (old != null) {
      return old;
    }
    Source source = new Source(member, zone, voice, number);
    // Nobody is sent to it before it is known where its bytes come from.
    source.depth = Integer.MAX_VALUE;
    members.put(member, source);
    return source;
  }

  void grant(Source source, long newLease, long now) {
    reposition(
        source,
        () -> {
          detach(source);
          source.depth = 1;
          source.isComplete = false;
        });
    source.progressNanos = now;
    lessee = source;
    lease = newLease;
  }

  /** The lease is over, whatever its source goes on to be. */
  void endLease() {
    lessee = null;
    lease = 0;
  }

  void reads(Source child, Source parent, long now) {
    reposition(
        child,
        () -> {
          detach(child);
          child.parent = parent;
          child.depth = parent.depth + 1;
          child.isComplete = false;
        });
    reposition(
        parent,
        () -> {
          parent.children++;
          parent.readersEver++;
        });
    child.progressNanos = now;
  }

  void completed(Source source) {
    reposition(
        source,
        () -> {
          detach(source);
          source.depth = 0;
          source.isComplete = true;
        });
  }

  void remove(Source source) {
    close(source);
    detach(source);
    source.isGone = true;
    members.remove(source.member);
    removed.accept(source);
    if (source == lessee) {
      endLease();
    }
  }

  /**
   * The best source with a free slot: of the zone, else of another; null when there is none.
   *
   * @param around members over which its bytes may not come either
   */
  @Nullable Source pick(
      String asker, String zone, Set<String> avoid, Set<String> around, long now) {
    Source near = first(open.get(zone), asker, avoid, around, now);
    if (near != null) {
      return near;
    }
    Source best = null;
    for (Map.Entry<String, TreeSet<Source>> each : open.entrySet()) {
      if (!each.getKey().equals(zone)) {
        Source candidate = first(each.getValue(), asker, avoid, around, now);
        if (candidate != null && (best == null || Source.ORDER.compare(candidate, best) < 0)) {
          best = candidate;
        }
      }
    }
    return best;
  }

  /** Whom a member reads from already, if it may still be named; null for nobody. */
  @Nullable Source current(String asker, Set<String> avoid, Set<String> around, long now) {
    Source self = members.get(asker);
    Source parent = self == null ? null : self.parent;
    return parent != null
            && !avoid.contains(parent.member)
            && silentAbove(parent, now) == null
            && leadsToBytes(parent, asker, around, now)
        ? parent
        : null;
  }

  private @Nullable Source first(
      @Nullable TreeSet<Source> sources,
      String asker,
      Set<String> avoid,
      Set<String> around,
      long now) {
    if (sources == null) {
      return null;
    }
    int left = around.isEmpty() ? Integer.MAX_VALUE : LOOKS_MAX;
    while (true) {
      Source silent = null;
      for (Source source : sources) {
        if (left-- == 0) {
          return null;
        }
        silent = silentAbove(source, now);
        if (silent != null) {
          break;
        }
        if (!avoid.contains(source.member) && leadsToBytes(source, asker, around, now)) {
          return source;
        }
      }
      if (silent == null) {
        return null;
      }
      // Not within the loop: its parent may change its place among those looked at.
      remove(silent);
    }
  }

  /** Who on the way to a source's bytes makes no progress, itself included. */
  private @Nullable Source silentAbove(Source source, long now) {
    for (Source at = source; at != null && !at.isComplete; at = at.parent) {
      if (!at.isGone && now - at.progressNanos > deadlineNanos) {
        return at;
      }
    }
    return null;
  }

  /** Whether its bytes come, over however many members but never over the asker. */
  private boolean leadsToBytes(Source source, String asker, Set<String> around, long now) {
    for (Source at = source; at != null; at = at.parent) {
      if (at.isGone || at.member.equals(asker) || around.contains(at.member)) {
        return false;
      }
      if (at.isComplete || (at == lessee && hasLiveLease(now))) {
        return true;
      }
    }
    return false;
  }

  private void detach(Source source) {
    Source parent = source.parent;
    if (parent != null) {
      source.parent = null;
      reposition(parent, () -> parent.children--);
    }
  }

  private void reposition(Source source, Runnable change) {
    close(source);
    change.run();
    if (!source.isGone && source.children < fanOut && source.depth != Integer.MAX_VALUE) {
      open.computeIfAbsent(source.zone, zone -> new TreeSet<>(Source.ORDER)).add(source);
    }
  }

  private void close(Source source) {
    TreeSet<Source> sources = open.get(source.zone);
    if (sources != null) {
      sources.remove(source);
    }
  }
}
