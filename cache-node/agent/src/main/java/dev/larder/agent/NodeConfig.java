package dev.larder.agent;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/**
 * What a node does beside serving.
 *
 * @param address {@code node.address}: host and port of the peer door, empty when it serves none
 * @param zone {@code node.zone}: where it stands, empty when unknown
 * @param reportEvery {@code node.report-interval}: how often roots and holdings are reported
 * @param reportsMax {@code node.reports-max}: roots and changes waiting to be reported; beyond it
 *     the whole store is gone through once the coordinator is back
 * @param scrubBytesPerSecond {@code scrub.bytes-per-second}: re-hashed while nothing is filled; 0
 *     turns the scrub off
 */
public record NodeConfig(
    String address, String zone, Duration reportEvery, int reportsMax, long scrubBytesPerSecond) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public NodeConfig {
    if (!reportEvery.isPositive()) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "node.report-interval must be positive: " + reportEvery);
    }
    if (reportsMax < 1) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "node.reports-max must be at least 1: " + reportsMax);
    }
    if (scrubBytesPerSecond < 0) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "scrub.bytes-per-second must not be negative: " + scrubBytesPerSecond);
    }
  }

  /** Twice a second, 100,000 waiting, 4 MiB/s of scrub: a terabyte in three days. */
  public static NodeConfig defaults() {
    return new NodeConfig("", "", Duration.ofMillis(500), 100_000, 4L << 20);
  }
}
