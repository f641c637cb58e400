package dev.larder.agent.read;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;

/**
 * Bounds of the read plane.
 *
 * @param smallCacheBytes {@code read.small-cache}: small blobs kept in memory; 0 keeps none
 * @param passThroughMax {@code read.passthrough-max}: readers past a store that takes no writes,
 *     each with a buffer of 256 KiB
 */
public record ReadConfig(long smallCacheBytes, int passThroughMax) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public ReadConfig {
    if (smallCacheBytes < 0) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "read.small-cache must not be negative: " + smallCacheBytes);
    }
    if (passThroughMax < 1) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "read.passthrough-max must be at least 1: " + passThroughMax);
    }
  }

  /** 32 MiB of small blobs, 128 readers past the store. */
  public static ReadConfig defaults() {
    return new ReadConfig(32L << 20, 128);
  }
}
