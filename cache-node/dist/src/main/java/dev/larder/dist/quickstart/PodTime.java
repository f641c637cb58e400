package dev.larder.dist.quickstart;

import java.time.Instant;

/** Seconds of the epoch, as {@code date +%s.%N} tells them in a pod of this machine. */
final class PodTime {
  private PodTime() {}

  static double now() {
    Instant now = Instant.now();
    return now.getEpochSecond() + now.getNano() / 1e9;
  }
}
