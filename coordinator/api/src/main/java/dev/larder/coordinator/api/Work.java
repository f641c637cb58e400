package dev.larder.coordinator.api;

import java.util.List;

/**
 * What a node is to bring in and keep.
 *
 * @param version names this state of pins and warm-ups
 * @param warmUps those that stand, for all nodes; whether one is meant its {@link NodeSelector}
 *     says
 * @param pins those the node owns
 */
public record Work(long version, List<WarmUpJob> warmUps, List<PathPin> pins) {

  /** Copies the lists. */
  public Work {
    warmUps = List.copyOf(warmUps);
    pins = List.copyOf(pins);
  }
}
