package dev.larder.store.evict;

import java.util.Arrays;

/**
 * Remembers units evicted lately by 32 bits of their hash, for about as many bytes as the policy
 * holds. Two generations: when the young one is full the old one is forgotten, so what is
 * remembered is between half and all of the window.
 *
 * <p>32 bits suffice: a wrong match lets one unit in 4,000 stay longer than it should at a million
 * ghosts, and costs no correctness.
 */
final class Ghosts {
  /** 2 MiB for each generation at most. */
  static final int GENERATION_MAX = 384 * 1024;

  private int[] young = new int[16];
  private int[] old = new int[16];
  private int youngSize;
  private int oldSize;
  private long youngBytes;

  /** Remembers a unit of this many bytes; the window is in bytes. */
  void add(long hash, long bytes, long windowBytes) {
    if (youngSize > 0 && (youngBytes >= windowBytes / 2 || youngSize >= GENERATION_MAX)) {
      int[] spare = old;
      old = young;
      oldSize = youngSize;
      young = spare.length > 4 * Math.max(16, youngSize) ? new int[16] : spare;
      Arrays.fill(young, 0);
      youngSize = 0;
      youngBytes = 0;
    }
    if (youngSize + 1 > young.length / 4 * 3) {
      int[] before = young;
      young = new int[before.length * 2];
      youngSize = 0;
      for (int print : before) {
        if (print != 0) {
          insert(print);
        }
      }
    }
    insert(print(hash));
    youngBytes += bytes;
  }

  /** Whether a unit was evicted lately. */
  boolean contains(long hash) {
    int print = print(hash);
    return holds(young, print) || holds(old, print);
  }

  int size() {
    return youngSize + oldSize;
  }

  /** The prints of a generation (0 young, 1 old) in an order that depends on the set only. */
  int[] prints(int generation) {
    int[] sorted =
        Arrays.stream(generation == 0 ? young : old).filter(print -> print != 0).toArray();
    Arrays.sort(sorted);
    return sorted;
  }

  long youngBytes() {
    return youngBytes;
  }

  /** Takes over what {@link #prints} gave. */
  void restore(int[] youngPrints, int[] oldPrints, long youngBytesThen) {
    old = tableFor(oldPrints.length);
    young = old;
    youngSize = 0;
    for (int print : oldPrints) {
      insert(print);
    }
    oldSize = youngSize;
    young = tableFor(youngPrints.length);
    youngSize = 0;
    for (int print : youngPrints) {
      insert(print);
    }
    youngBytes = youngBytesThen;
  }

  private static int[] tableFor(int prints) {
    int length = 16;
    while (prints + 1 > length / 4 * 3) {
      length *= 2;
    }
    return new int[length];
  }

  private void insert(int print) {
    int at = print & (young.length - 1);
    while (young[at] != 0) {
      if (young[at] == print) {
        return;
      }
      at = (at + 1) & (young.length - 1);
    }
    young[at] = print;
    youngSize++;
  }

  private static boolean holds(int[] table, int print) {
    int at = print & (table.length - 1);
    while (table[at] != 0) {
      if (table[at] == print) {
        return true;
      }
      at = (at + 1) & (table.length - 1);
    }
    return false;
  }

  private static int print(long hash) {
    int print = (int) (hash >>> 32);
    return print == 0 ? 1 : print;
  }
}
