package dev.larder.coordinator.api;

import java.util.List;
import java.util.Optional;

/**
 * What a node says of its work: all of it, in place of what it said before.
 *
 * @param warmUps one for each warm-up it sees to
 * @param handOver while it drains
 */
public record NodeProgress(List<WarmUpProgress> warmUps, Optional<HandOver> handOver) {
  /** No work at all. */
  public static final NodeProgress NONE = new NodeProgress(List.of(), Optional.empty());

  /** Copies the list. */
  public NodeProgress {
    warmUps = List.copyOf(warmUps);
  }
}
