package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Defaults, and a message that names the key for what is out of bounds. */
class HttpDoorConfigTest {
  @Test
  void defaultsBindLoopback() {
    HttpDoorConfig config = HttpDoorConfig.defaults(7450);
    assertEquals("127.0.0.1", config.host());
    assertEquals(7450, config.port());
    assertEquals(64 << 10, config.bodyBytesMax());
    assertEquals(1024, config.connectionsMax());
  }

  @ParameterizedTest
  @CsvSource({
    "70000, 1, 1, 1, 1, 1, 256, 256, 256, 1, 1, 1, 1, http.port",
    "0, 0, 1, 1, 1, 1, 256, 256, 256, 1, 1, 1, 1, http.connections-max",
    "0, 1, 0, 1, 1, 1, 256, 256, 256, 1, 1, 1, 1, http.event-loops",
    "0, 1, 1, 0, 1, 1, 256, 256, 256, 1, 1, 1, 1, http.workers",
    "0, 1, 1, 1, 0, 1, 256, 256, 256, 1, 1, 1, 1, http.worker-queue-max",
    "0, 1, 1, 1, 1, 0, 256, 256, 256, 1, 1, 1, 1, http.streams-max",
    "0, 1, 1, 1, 1, 1, 0, 256, 256, 1, 1, 1, 1, http.request-line-max",
    "0, 1, 1, 1, 1, 1, 256, 0, 256, 1, 1, 1, 1, http.headers-max",
    "0, 1, 1, 1, 1, 1, 256, 256, 0, 1, 1, 1, 1, http.body-max",
    "0, 1, 1, 1, 1, 1, 256, 256, 256, 0, 1, 1, 1, http.idle-timeout",
    "0, 1, 1, 1, 1, 1, 256, 256, 256, 1, 0, 1, 1, http.stall-timeout",
    "0, 1, 1, 1, 1, 1, 256, 256, 256, 1, 1, 0, 1, http.span-max",
    "0, 1, 1, 1, 1, 1, 256, 256, 256, 1, 1, 1, -1, http.drain-timeout",
  })
  void everyBoundNamesItsKey(
      int port,
      int connections,
      int loops,
      int workers,
      int queue,
      int streams,
      int line,
      int headers,
      int body,
      int idle,
      int stall,
      long span,
      int drain,
      String key) {
    LarderException e =
        assertThrows(
            LarderException.class,
            () ->
                new HttpDoorConfig(
                    "127.0.0.1",
                    port,
                    Set.of(),
                    connections,
                    loops,
                    workers,
                    queue,
                    streams,
                    line,
                    headers,
                    body,
                    Duration.ofSeconds(idle),
                    Duration.ofSeconds(stall),
                    span,
                    Duration.ofSeconds(drain)));
    assertEquals(ErrorCode.BAD_CONFIG, e.code());
    assertTrue(e.getMessage().startsWith(key + ":"), e.getMessage());
  }

  @Test
  void aTakenPortIsNamed() {
    try (DoorFixture fixture = new DoorFixture()) {
      FakeNode node = fixture.node;
      DoorServices services =
          new DoorServices(
              node,
              node,
              node,
              node,
              fixture.jobs,
              new dev.larder.agent.mount.NoMounts(),
              fixture.store,
              node,
              new dev.larder.agent.metrics.AgentMetrics("0"),
              fixture.coordinator);
      HttpDoorConfig config = HttpDoorConfig.defaults(fixture.port());
      LarderException e =
          assertThrows(
              LarderException.class,
              () -> HttpDoor.start(config, DoorFixture.TOKEN, services).close());
      assertEquals(ErrorCode.BAD_CONFIG, e.code());
      assertTrue(e.getMessage().contains(Integer.toString(fixture.port())), e.getMessage());
    }
  }
}
