package dev.larder.agent;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a node does beside serving.
 *
 * @param address {@code node.address}: host and port of the peer door, empty when it serves none
 * @param id {@code node.id}: its member id, empty for one made at the first start
 * @param zone {@code node.zone}: where it stands, empty when unknown
 * @param labels {@code node.labels}: {@code name=value} each, for selecting nodes
 * @param reportEvery {@code node.report-interval}: how often roots and holdings are reported
 * @param heartbeatEvery {@code node.heartbeat-interval}: longest silence towards the coordinator
 * @param reportsMax {@code node.reports-max}: roots and changes waiting to be reported; beyond it
 *     the whole store is gone through once the coordinator is back
 * @param scrubBytesPerSecond {@code scrub.bytes-per-second}: re-hashed while nothing is filled; 0
 *     turns the scrub off
 */
public record NodeConfig(
    String address,
    String id,
    String zone,
    List<String> labels,
    Duration reportEvery,
    Duration heartbeatEvery,
    int reportsMax,
    long scrubBytesPerSecond) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public NodeConfig {
    if (!reportEvery.isPositive()) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "node.report-interval must be positive: " + reportEvery);
    }
    labels = List.copyOf(labels);
    for (String label : labels) {
      if (label.indexOf('=') < 1) {
        throw new LarderException(
            ErrorCode.BAD_CONFIG, "node.labels must be name=value: \"" + label + "\"");
      }
    }
    if (!id.matches("[A-Za-z0-9._-]{0,128}")) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "node.id must be up to 128 letters, digits, '.', '_' or '-': \"" + id + "\"");
    }
    if (!heartbeatEvery.isPositive()) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "node.heartbeat-interval must be positive: " + heartbeatEvery);
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

  NodeConfig identified(String memberId) {
    return new NodeConfig(
        address,
        memberId,
        zone,
        labels,
        reportEvery,
        heartbeatEvery,
        reportsMax,
        scrubBytesPerSecond);
  }

  /** The labels by name. */
  Map<String, String> labelMap() {
    Map<String, String> map = new LinkedHashMap<>();
    labels.forEach(label ->
        map.put(label.substring(0, label.indexOf('=')), label.substring(label.indexOf('=') + 1)));
    return map;
  }

  /** Twice a second, 100,000 waiting, 4 MiB/s of scrub: a terabyte in three days. */
  public static NodeConfig defaults() {
    return new NodeConfig(
        "", "", "", List.of(), Duration.ofMillis(500), Duration.ofSeconds(5), 100_000, 4L << 20);
  }
}
