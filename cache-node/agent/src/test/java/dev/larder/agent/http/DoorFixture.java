package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.agent.FakeCoordinator;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.mount.NoMounts;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/** A front door on a free port of loopback before a fake node. */
final class DoorFixture implements AutoCloseable {
  static final String TOKEN = "test-token-0123456789";

  static {
    EventLoopGuard.install();
  }

  final FakeNode node = new FakeNode();
  final FakeJobs jobs = new FakeJobs();
  final FakeStore store = new FakeStore(node);
  final AgentMetrics metrics = new AgentMetrics("0.0.1");
  final HttpDoor door;

  final FakeCoordinator coordinator = new FakeCoordinator();

  DoorFixture() {
    this(UnaryOperator.identity());
  }

  DoorFixture(UnaryOperator<Bounds> change) {
    Bounds b = change.apply(Bounds.DEFAULT);
    metrics.watchStore(store::stats);
    HttpDoorConfig d = HttpDoorConfig.defaults(0);
    HttpDoorConfig config =
        new HttpDoorConfig(
            d.host(),
            0,
            Set.of("door.test"),
            b.connections,
            2,
            b.workers,
            b.queue,
            b.streams,
            d.lineBytesMax(),
            d.headerBytesMax(),
            d.bodyBytesMax(),
            b.idle,
            b.stall,
            d.spanBytesMax(),
            b.drain);
    door =
        HttpDoor.start(
            config,
            TOKEN,
            new DoorServices(
                node, node, node, node, jobs, new NoMounts(), store, node, metrics, coordinator));
  }

  /** What tests change of the configuration. */
  record Bounds(
      int connections,
      int workers,
      int queue,
      int streams,
      Duration idle,
      Duration stall,
      Duration drain) {
    static final Bounds DEFAULT =
        new Bounds(
            256, 8, 64, 2, Duration.ofSeconds(60), Duration.ofSeconds(60), Duration.ofMillis(100));

    Bounds connections(int max) {
      return new Bounds(max, workers, queue, streams, idle, stall, drain);
    }

    Bounds workers(int max, int waiting) {
      return new Bounds(connections, max, waiting, streams, idle, stall, drain);
    }

    Bounds timeouts(Duration toIdle, Duration toStall) {
      return new Bounds(connections, workers, queue, streams, toIdle, toStall, drain);
    }

    Bounds drain(Duration most) {
      return new Bounds(connections, workers, queue, streams, idle, stall, most);
    }
  }

  int port() {
    return door.address().getPort();
  }

  /** A raw connection. */
  RawClient connect() throws IOException {
    return new RawClient(port());
  }

  /** One request on a connection of its own. */
  RawClient.Response get(String target, String... headers) throws IOException {
    return exchange("GET", target, "", headers);
  }

  RawClient.Response exchange(String method, String target, String body, String... headers)
      throws IOException {
    try (RawClient client = connect()) {
      client.send(RawClient.request(method, target, body, headers));
      return client.receive(method.equals("HEAD"));
    }
  }

  /** Waits for a condition, some seconds at most. */
  static void await(BooleanSupplier condition, String what) {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not within ten seconds: " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  @Override
  public void close() {
    door.close();
    assertEquals(List.of(), EventLoopGuard.takeAll(), "an event loop waited");
    assertEquals(0, door.activeBuffers(), "buffers leaked");
    await(() -> node.openReads.get() == 0, "reads left open");
  }
}
