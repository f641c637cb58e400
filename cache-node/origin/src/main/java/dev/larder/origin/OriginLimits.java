package dev.larder.origin;

import java.time.Duration;

/**
 * Bounds on what one origin is asked.
 *
 * @param connectionsMax {@code origin.connections-max}: requests at work at once
 * @param bytesPerSecond {@code origin.bandwidth-max}: bytes a second over all reads; 0 = no cap
 * @param progressDeadline {@code origin.progress-deadline}: a request that delivers nothing for so
 *     long is dropped and tried again
 * @param attemptsMax {@code origin.attempts-max}: tries of one request, the first included
 * @param retryDelayMin {@code origin.retry-delay-min}: first back-off, doubled with full jitter
 * @param retryDelayMax {@code origin.retry-delay-max}: longest back-off
 */
public record OriginLimits(
    int connectionsMax,
    long bytesPerSecond,
    Duration progressDeadline,
    int attemptsMax,
    Duration retryDelayMin,
    Duration retryDelayMax) {

  /** 64 connections, no bandwidth cap, 10 s without progress, 5 tries from 100 ms to 5 s. */
  public static OriginLimits defaults() {
    return new OriginLimits(
        64, 0, Duration.ofSeconds(10), 5, Duration.ofMillis(100), Duration.ofSeconds(5));
  }
}
