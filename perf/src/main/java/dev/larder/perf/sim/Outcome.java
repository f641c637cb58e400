package dev.larder.perf.sim;

import java.util.List;
import java.util.Locale;

/**
 * What a simulated burst came to. Only nodes that lived are counted in the times.
 *
 * @param doneSeconds when each node that lived had the whole blob, in order
 * @param uploadBytes what each node sent, least first
 * @param originBytes bytes the origin sent
 * @param crossZoneBytes bytes that went from one zone to another
 * @param events events handled, each checked
 */
public record Outcome(
    List<Double> doneSeconds,
    List<Long> uploadBytes,
    long originBytes,
    long crossZoneBytes,
    long events) {

  /** Nodes that have the whole blob. */
  public int finished() {
    return doneSeconds.size();
  }

  /** Half of them were done by then. */
  public double p50Seconds() {
    return doneSeconds.get(doneSeconds.size() / 2);
  }

  /** 99 of 100 of them. */
  public double p99Seconds() {
    return doneSeconds.get((int) Math.ceil(doneSeconds.size() * 0.99) - 1);
  }

  /** All of them. */
  public double lastSeconds() {
    return doneSeconds.getLast();
  }

  /** What the busiest node sent. */
  public long mostUploadBytes() {
    return uploadBytes.getLast();
  }

  /** What a node sent on average. */
  public double meanUploadBytes() {
    return uploadBytes.stream().mapToLong(Long::longValue).average().orElse(0);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%d done, p50 %.3f s, p99 %.3f s, last %.3f s; upload mean %.2f GB, most %.2f GB;"
            + " origin %.3f GB, %.2f GB between zones; %d events",
        finished(),
        p50Seconds(),
        p99Seconds(),
        lastSeconds(),
        meanUploadBytes() / 1e9,
        mostUploadBytes() / 1e9,
        originBytes / 1e9,
        crossZoneBytes / 1e9,
        events);
  }
}
