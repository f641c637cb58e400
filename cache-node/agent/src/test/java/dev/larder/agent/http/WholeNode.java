package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.FakeCoordinator;
import dev.larder.agent.NodeServices;
import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.http.RawClient.Response;
import dev.larder.agent.metrics.AgentMetrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A real node behind a real door; only the coordinator is a fake. Its event loops are guarded. */
final class WholeNode implements AutoCloseable {
  static {
    EventLoopGuard.install();
  }

  final NodeServices services;
  final HttpDoor door;

  WholeNode(Path data, Map<String, String> settings) {
    Map<String, String> all = new HashMap<>(settings);
    all.put("http.port", "0");
    all.putIfAbsent("store.disk-min-free", "0");
    AgentConfig config = AgentConfig.of(data, new ConfigTree(all));
    AgentMetrics metrics = new AgentMetrics("test");
    services = new NodeServices(config, new FakeCoordinator(), metrics, "test");
    services.start();
    metrics.watchStore(services.store()::stats);
    door = HttpDoor.start(config.http(), DoorFixture.TOKEN, services.doorServices());
  }

  RawClient connect() throws IOException {
    return new RawClient(door.address().getPort());
  }

  /** One request with the token on a connection of its own. */
  Response exchange(String method, String target, String body, String... headers)
      throws IOException {
    return raw(RawClient.request(method, target, body, headers), method.equals("HEAD"));
  }

  /** Whatever text on a connection of its own. */
  Response raw(String text, boolean head) throws IOException {
    try (RawClient client = connect()) {
      client.send(text);
      return client.receive(head);
    }
  }

  @Override
  public void close() {
    door.close();
    services.close();
    assertEquals(List.of(), EventLoopGuard.takeAll(), "an event loop waited");
    assertEquals(0, door.activeBuffers(), "buffers leaked");
  }
}
