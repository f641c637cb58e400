package dev.larder.store.evict;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;

/**
 * Accesses to objects by number, each with a fixed size.
 *
 * @param accesses object numbers in the order they are read
 * @param sizes bytes of each object
 */
record Trace(String name, int[] accesses, long[] sizes) {

  /** Bytes of all objects that occur. */
  long footprintBytes() {
    return Arrays.stream(accesses).distinct().mapToLong(object -> sizes[object]).sum();
  }

  /** Popularity by rank to the power of -skew, independent of size. */
  static Trace zipf(long seed, int objects, int accesses, double skew, long[] sizes) {
    RandomGenerator random = new Random(seed);
    ZipfDraw draw = new ZipfDraw(objects, skew);
    int[] names = shuffled(random, 0, objects);
    int[] out = new int[accesses];
    for (int i = 0; i < accesses; i++) {
      out[i] = names[draw.next(random)];
    }
    return new Trace("zipf-" + skew, out, sizes);
  }

  /** Zipf with one-time scans in between: half of all accesses. */
  static Trace zipfAndScans(long seed, int objects, int accesses, double skew, long[] sizes) {
    RandomGenerator random = new Random(seed);
    int hot = objects / 4;
    ZipfDraw draw = new ZipfDraw(hot, skew);
    int[] out = new int[accesses];
    int scanned = hot;
    int at = 0;
    while (at < accesses) {
      for (int i = 0; i < 400 && at < accesses; i++) {
        out[at++] = draw.next(random);
      }
      for (int i = 0; i < 400 && at < accesses; i++) {
        out[at++] = scanned;
        scanned = scanned + 1 == objects ? hot : scanned + 1;
      }
    }
    return new Trace("zipf+scans-" + skew, out, sizes);
  }

  /** The same objects in the same order again and again. */
  static Trace loop(int objects, int rounds, long[] sizes) {
    int[] out = new int[objects * rounds];
    for (int i = 0; i < out.length; i++) {
      out[i] = i % objects;
    }
    return new Trace("loop", out, sizes);
  }

  /** A dataset read whole in each epoch, each time in another order. */
  static Trace epochs(long seed, int objects, int epochs, long[] sizes) {
    RandomGenerator random = new Random(seed);
    int[] out = new int[objects * epochs];
    for (int epoch = 0; epoch < epochs; epoch++) {
      System.arraycopy(shuffled(random, 0, objects), 0, out, epoch * objects, objects);
    }
    return new Trace("epochs", out, sizes);
  }

  /** Popularity moves on: every phase has its own hot objects, Zipf within the phase. */
  static Trace shifting(long seed, int objects, int accesses, double skew, long[] sizes) {
    RandomGenerator random = new Random(seed);
    int window = objects / 3;
    ZipfDraw draw = new ZipfDraw(window, skew);
    int[] out = new int[accesses];
    for (int i = 0; i < accesses; i++) {
      int first = (int) ((long) i * (objects - window) / accesses);
      out[i] = first + (int) ((draw.next(random) * 7919L) % window);
    }
    return new Trace("shifting-" + skew, out, sizes);
  }

  static long[] equalSizes(int objects) {
    long[] sizes = new long[objects];
    Arrays.fill(sizes, 1 << 20);
    return sizes;
  }

  /** Log-uniform from 1 KiB to 1 GiB: six decimal orders, most bytes in few objects. */
  static long[] mixedSizes(long seed, int objects) {
    RandomGenerator random = new Random(seed);
    long[] sizes = new long[objects];
    for (int i = 0; i < objects; i++) {
      sizes[i] = 1L << 10 + random.nextInt(20);
      sizes[i] += random.nextLong(sizes[i]);
    }
    return sizes;
  }

  private static int[] shuffled(RandomGenerator random, int first, int count) {
    List<Integer> numbers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      numbers.add(first + i);
    }
    java.util.Collections.shuffle(numbers, random);
    return numbers.stream().mapToInt(Integer::intValue).toArray();
  }

  private static final class ZipfDraw {
    private final double[] cumulated;

    ZipfDraw(int ranks, double skew) {
      cumulated = new double[ranks];
      double sum = 0;
      for (int rank = 0; rank < ranks; rank++) {
        sum += Math.pow(rank + 1, -skew);
        cumulated[rank] = sum;
      }
    }

    int next(RandomGenerator random) {
      double wanted = random.nextDouble() * cumulated[cumulated.length - 1];
      int at = Arrays.binarySearch(cumulated, wanted);
      return Math.min(at < 0 ? -at - 1 : at, cumulated.length - 1);
    }
  }
}
