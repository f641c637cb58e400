package dev.larder.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.protocol.DataSize;
import java.time.Duration;
import java.util.List;

/** How fast a warm-up goes, from two looks at it. */
final class WarmUpPace {
  private static final String NONE = "-";

  private final JsonNode before;
  private final JsonNode now;
  private final Duration between;

  /**
   * Two looks at the same warm-ups, or at one.
   *
   * @param between time from the first look to the second; zero when there was only one
   */
  WarmUpPace(JsonNode before, JsonNode now, Duration between) {
    this.before = before;
    this.now = now;
    this.between = between;
  }

  /** Whether a node brings bytes in, so that a second look tells something. */
  static boolean isMoving(JsonNode answer) {
    for (JsonNode warmUp : each(answer)) {
      for (JsonNode node : warmUp.path("nodes")) {
        if (node.path("state").asText().equals("filling")) {
          return true;
        }
      }
    }
    return false;
  }

  /** Bytes a second of one node, and of all where it is empty; "-" where nothing moved. */
  String rate(String id, String node) {
    double rate = bytesPerSecond(id, node);
    return rate <= 0 ? NONE : DataSize.human((long) rate) + "/s";
  }

  /** Time left at that rate; "-" where nothing moved or all is there. */
  String left(String id, String node) {
    double rate = bytesPerSecond(id, node);
    long missing = sum(now, id, node, "bytesWanted") - sum(now, id, node, "bytes");
    return rate <= 0 || missing <= 0 ? NONE : ProgressLine.time((long) Math.ceil(missing / rate));
  }

  private double bytesPerSecond(String id, String node) {
    long moved = sum(now, id, node, "bytes") - sum(before, id, node, "bytes");
    return between.isZero() ? 0 : moved * 1e9 / between.toNanos();
  }

  private static long sum(JsonNode answer, String id, String node, String field) {
    long sum = 0;
    for (JsonNode warmUp : each(answer)) {
      for (JsonNode at : warmUp.path("nodes")) {
        boolean isAsked = node.isEmpty() || at.path("node").asText().equals(node);
        if (isAsked && warmUp.path("id").asText().equals(id)) {
          sum += at.path(field).asLong();
        }
      }
    }
    return sum;
  }

  private static Iterable<JsonNode> each(JsonNode answer) {
    return answer.has("warmUps") ? answer.path("warmUps") : List.of(answer);
  }
}
