package dev.larder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Rate and time left from two looks. */
class WarmUpPaceTest {
  private static final Duration TWO_SECONDS = Duration.ofSeconds(2);

  @Test
  void eachNodeHasItsOwnPace() {
    WarmUpPace pace = new WarmUpPace(look(0, 100 << 20), look(40 << 20, 100 << 20), TWO_SECONDS);
    assertEquals("20.0 MiB/s", pace.rate("w-1", "a"));
    assertEquals("3 s", pace.left("w-1", "a"));
    assertEquals("-", pace.rate("w-1", "b"));
    assertEquals("-", pace.left("w-1", "b"));
  }

  @Test
  void allNodesTogether() {
    WarmUpPace pace = new WarmUpPace(look(0, 0), look(40 << 20, 20 << 20), TWO_SECONDS);
    assertEquals("30.0 MiB/s", pace.rate("w-1", ""));
    assertEquals("5 s", pace.left("w-1", ""));
    assertEquals("-", pace.rate("w-2", ""));
  }

  @Test
  void oneLookTellsNoPace() {
    JsonNode once = look(40 << 20, 0);
    assertEquals("-", new WarmUpPace(once, once, Duration.ZERO).rate("w-1", "a"));
  }

  @Test
  void whoIsDoneMovesNothing() {
    assertTrue(WarmUpPace.isMoving(look(1, 1)));
    assertFalse(WarmUpPace.isMoving(Output.parse("{\"warmUps\":[]}")));
    assertFalse(
        WarmUpPace.isMoving(
            Output.parse("{\"id\":\"w-1\",\"nodes\":[{\"node\":\"a\",\"state\":\"ready\"}]}")));
  }

  private static JsonNode look(long a, long b) {
    return Output.parse(
        """
        {"warmUps":[{"id":"w-1","nodes":[
          {"node":"a","state":"filling","bytes":%d,"bytesWanted":104857600},
          {"node":"b","state":"filling","bytes":%d,"bytesWanted":104857600}]}]}
        """
            .formatted(a, b));
  }
}
