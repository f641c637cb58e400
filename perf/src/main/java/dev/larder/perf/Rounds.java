package dev.larder.perf;

import org.jspecify.annotations.Nullable;

/** Two series of samples, taken in turns so that both see the same noise of the machine. */
public record Rounds(Samples values, Samples baselines) {
  /** Fewest rounds a median is taken of; {@code -Dlarder.perf.rounds} for a quick look at fewer. */
  public static final int COUNT = Integer.getInteger("larder.perf.rounds", 5);

  /** A round's work. */
  @FunctionalInterface
  public interface Sampler {
    /** Takes one sample; rounds count from 0. */
    double sample(int round) throws Exception;
  }

  /** Five rounds; every second one starts with the baseline. */
  public static Rounds interleave(Sampler value, Sampler baseline) throws Exception {
    return interleave(COUNT, value, baseline);
  }

  /** The same with a number of rounds. */
  public static Rounds interleave(int rounds, Sampler value, Sampler baseline) throws Exception {
    Samples values = new Samples();
    Samples baselines = new Samples();
    for (int round = 0; round < rounds; round++) {
      if (round % 2 == 0) {
        values.add(value.sample(round));
        baselines.add(baseline.sample(round));
      } else {
        baselines.add(baseline.sample(round));
        values.add(value.sample(round));
      }
    }
    return new Rounds(values, baselines);
  }

  /** The figure of both medians. */
  public Figure figure(String name, String unit, @Nullable Goal goal) {
    return new Figure(name, unit, values.median(), baselines.median(), goal);
  }

  @Override
  public String toString() {
    return values + " against " + baselines;
  }
}
