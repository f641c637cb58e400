package dev.larder.store.evict;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Predicate;

/** {@link EvictionPolicy} by three first-in first-out queues. */
final class S3Fifo implements EvictionPolicy {
  /*
   * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023) with bytes
   * in place of objects. New units enter SMALL. When room is needed and SMALL holds more than a
   * tenth of the bytes, its oldest unit moves to MAIN if it was used, else it goes and leaves a
   * ghost; a ghost that comes back enters MAIN. MAIN is a clock: its oldest unit gets another turn
   * for each use, up to three.
   *
   * What differs, and why:
   * - One pass of a reader through a big file is thousands of calls of used(). RECENT lets calls
   *   that follow each other closely count once, and those that follow the admission not at all;
   *   else a scan would look like popularity.
   * - ASIDE holds units the caller refused. They cost nothing until released, except that every
   *   call asks for a few of them, so one that was never released is found as well.
   * - victim() only names a unit: the caller may fail to take it, and then must not lose it.
   */
  static final int SMALL = 0;
  static final int MAIN = 1;
  static final int ASIDE = 2;

  /** Asked for in one call when all else is refused: tens of microseconds. */
  static final int ASIDE_CHECKS = 256;

  /** Asked for in every call, so that what was not released comes back in time. */
  private static final int ASIDE_CHECKS_ALWAYS = 2;

  private static final int SMALL_SHARE = 10;
  private static final int FREQUENCY_MAX = 3;
  private static final int RECENT_MAX = 1024;

  /**
   * A reader counts once while fewer than about 1/64 of all units were used since its last call.
   */
  private static final int RECENT_SHARE = 64;

  private final UnitTable table = new UnitTable();
  private final UnitQueue[] queues = {
    new UnitQueue(table, SMALL), new UnitQueue(table, MAIN), new UnitQueue(table, ASIDE)
  };
  private final Ghosts ghosts = new Ghosts();
  private final int[] recent = new int[RECENT_MAX];
  private int condemned = UnitTable.NONE;

  S3Fifo() {
    Arrays.fill(recent, UnitTable.NONE);
  }

  @Override
  public void admitted(UnitId unit, long bytes) {
    int slot = table.find(unit);
    if (slot == UnitTable.NONE) {
      boolean isBack = ghosts.contains(UnitTable.hash(unit));
      int added = table.add(unit, bytes);
      queues[isBack ? MAIN : SMALL].push(added);
      recent[recentAt(added)] = added;
    } else {
      queueOf(slot).resize(slot, bytes);
    }
  }

  @Override
  public void used(UnitId unit) {
    int slot = table.find(unit);
    if (slot == UnitTable.NONE || isRecent(slot)) {
      return;
    }
    pardon(slot);
    table.setFrequency(slot, Math.min(FREQUENCY_MAX, table.frequency(slot) + 1));
  }

  private boolean isRecent(int slot) {
    int at = recentAt(slot);
    boolean again = recent[at] == slot;
    recent[at] = slot;
    return again;
  }

  private int recentAt(int slot) {
    int window = Math.min(RECENT_MAX, Integer.highestOneBit(table.size() / RECENT_SHARE + 1));
    return slot & (window - 1);
  }

  private void pardon(int slot) {
    if (condemned == slot) {
      condemned = UnitTable.NONE;
    }
  }

  @Override
  public void resized(UnitId unit, long bytes) {
    int slot = table.find(unit);
    if (slot != UnitTable.NONE) {
      queueOf(slot).resize(slot, bytes);
    }
  }

  @Override
  public void removed(UnitId unit) {
    int slot = table.find(unit);
    if (slot == UnitTable.NONE) {
      return;
    }
    if (condemned == slot && table.queue(slot) == SMALL) {
      long window = bytes() - bytes() / SMALL_SHARE;
      ghosts.add(UnitTable.hash(unit), table.bytes(slot), window);
    }
    pardon(slot);
    for (int window = 1; window <= RECENT_MAX; window *= 2) {
      int at = slot & (window - 1);
      if (recent[at] == slot) {
        recent[at] = UnitTable.NONE;
      }
    }
    queueOf(slot).take(slot);
    table.remove(slot);
  }

  @Override
  public void released(UnitId unit) {
    int slot = table.find(unit);
    if (slot != UnitTable.NONE && table.queue(slot) == ASIDE) {
      move(slot, MAIN);
    }
  }

  @Override
  public Optional<UnitId> victim(Predicate<UnitId> evictable) {
    if (condemned == UnitTable.NONE || !evictable.test(table.unit(condemned))) {
      condemned = find(evictable);
    }
    return condemned == UnitTable.NONE ? Optional.empty() : Optional.of(table.unit(condemned));
  }

  private int find(Predicate<UnitId> evictable) {
    checkAside(evictable, ASIDE_CHECKS_ALWAYS);
    int found = findQueued(evictable);
    if (found == UnitTable.NONE && checkAside(evictable, ASIDE_CHECKS)) {
      found = findQueued(evictable);
    }
    return found;
  }

  /** Ends: each step takes a unit out of SMALL, or a use or the unit itself out of MAIN. */
  private int findQueued(Predicate<UnitId> evictable) {
    while (true) {
      UnitQueue small = queues[SMALL];
      UnitQueue main = queues[MAIN];
      boolean fromSmall = main.size() == 0 || small.bytes() > bytes() / SMALL_SHARE;
      int slot = fromSmall ? small.oldest() : main.oldest();
      if (slot == UnitTable.NONE) {
        return UnitTable.NONE;
      }
      if (!evictable.test(table.unit(slot))) {
        move(slot, ASIDE);
      } else if (table.frequency(slot) == 0) {
        return slot;
      } else {
        table.setFrequency(slot, fromSmall ? 0 : table.frequency(slot) - 1);
        move(slot, MAIN);
      }
    }
  }

  /** Asks for the oldest units put aside; those that may go by now return to MAIN. */
  private boolean checkAside(Predicate<UnitId> evictable, int checks) {
    boolean any = false;
    for (int i = Math.min(checks, queues[ASIDE].size()); i > 0; i--) {
      int slot = queues[ASIDE].oldest();
      boolean mayGo = evictable.test(table.unit(slot));
      move(slot, mayGo ? MAIN : ASIDE);
      any |= mayGo;
    }
    return any;
  }

  private void move(int slot, int queue) {
    queueOf(slot).take(slot);
    queues[queue].push(slot);
  }

  private UnitQueue queueOf(int slot) {
    return queues[table.queue(slot)];
  }

  @Override
  public boolean contains(UnitId unit) {
    return table.find(unit) != UnitTable.NONE;
  }

  @Override
  public long bytes() {
    return queues[SMALL].bytes() + queues[MAIN].bytes() + queues[ASIDE].bytes();
  }

  @Override
  public long size() {
    return table.size();
  }

  @Override
  public void save(OutputStream out) throws IOException {
    OrderFormat.write(this, out);
  }

  UnitTable table() {
    return table;
  }

  Ghosts ghosts() {
    return ghosts;
  }

  /** The first slot of a queue; {@link UnitTable#next} leads to younger ones. */
  int oldest(int queue) {
    return queues[queue].oldest();
  }

  /** Appends a saved unit; false if it is known. */
  boolean restore(UnitId unit, long bytes, int queue, int frequency) {
    if (contains(unit)) {
      return false;
    }
    int slot = table.add(unit, bytes);
    table.setFrequency(slot, frequency);
    queues[queue].push(slot);
    return true;
  }
}
