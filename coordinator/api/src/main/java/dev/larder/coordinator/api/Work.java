package dev.larder.coordinator.api;

import java.util.List;

/**
 * What a node is to bring in and keep.
 *
 * @param version names this state of pins, warm-ups and disputes
 * @param warmUps those that stand, for all nodes; whether one is meant its {@link NodeSelector}
 *     says
 * @param pins those the node owns
 * @param disputes of blobs' roots, whoever is party: open ones and the last that ended, in the
 *     order of their keys
 */
public record Work(
    long version, List<WarmUpJob> warmUps, List<PathPin> pins, List<Dispute> disputes) {

  /** Copies the lists. */
  public Work {
    warmUps = List.copyOf(warmUps);
    pins = List.copyOf(pins);
    disputes = List.copyOf(disputes);
  }
}
