package dev.larder.coordinator.api;

import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import java.time.Duration;

/**
 * A wish to have files local on nodes.
 *
 * @param snapshot a number from 1
 * @param glob which paths, as {@link PathGlob} reads it; empty means all
 * @param nodes which nodes, as {@link NodeSelector} reads it
 * @param ttl how long it stands, from the coordinator's now; zero: as long as the coordinator is
 *     configured to, or, pinned, for ever
 * @param pinned whether what was brought in is kept from eviction until the end
 * @param requestId the same again makes no second one; may be empty
 */
public record NewWarmUp(
    DatasetName dataset,
    long snapshot,
    String glob,
    String nodes,
    Duration ttl,
    boolean pinned,
    String requestId) {

  /** Checks number, glob, selector and time: BAD_NAME, BAD_REQUEST. */
  public NewWarmUp {
    if (snapshot < 1) {
      throw new LarderException(ErrorCode.BAD_NAME, "a warm-up's snapshot is a number from 1");
    }
    if (ttl.isNegative()) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "a warm-up's ttl must not be negative");
    }
    PathGlob.parse(glob);
    NodeSelector.parse(nodes);
  }
}
