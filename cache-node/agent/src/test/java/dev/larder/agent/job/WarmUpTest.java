package dev.larder.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.FakeCoordinator;
import dev.larder.agent.NodeServices;
import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.peer.RateCap;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.SnapshotRef;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A warm-up that is cancelled at a bad moment. */
class WarmUpTest {
  private static final SnapshotRef DATA = SnapshotRef.parse("data@1");

  @TempDir Path root;

  @Test
  void cancelledWhileAFileIsOpenedItFillsNothing() throws Exception {
    Path source = Files.createDirectories(root.resolve("source"));
    Files.write(source.resolve("f"), new byte[3 << 20]);
    CountDownLatch isOpening = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (NodeServices node = start()) {
      Datasets real = node.datasetsOfNode();
      real.create(
          new DatasetName("data"), source.toString(), new OriginOptions(Map.of()), progress -> {});
      WarmUp warmUp = warmUp(node, slowToOpen(real, isOpening, goOn));
      Thread thread = Thread.ofVirtual().start(warmUp);
      isOpening.await();
      warmUp.cancel();
      goOn.countDown();
      assertTrue(thread.join(Duration.ofSeconds(30)));
      assertEquals(Jobs.State.CANCELLED, warmUp.info().state());
      assertEquals(0, warmUp.info().doneFiles());
      assertEquals(0, warmUp.info().doneBytes());
    }
  }

  @Test
  void whatWasEvictedBeforeTheEndIsNotCalledDone() throws Exception {
    Path source = Files.createDirectories(root.resolve("source"));
    for (int i = 0; i < 6; i++) {
      Files.write(source.resolve("f" + i), new byte[(3 << 20) + i]);
    }
    try (NodeServices node = start("store.disk-max", "12MiB")) {
      Datasets datasets = node.datasetsOfNode();
      datasets.create(
          new DatasetName("data"), source.toString(), new OriginOptions(Map.of()), progress -> {});
      WarmUp warmUp = warmUp(node, datasets);
      warmUp.run();
      assertEquals(Jobs.State.FAILED, warmUp.info().state(), warmUp.info().toString());
      assertTrue(
          warmUp.info().firstError().orElseThrow().contains("STORE_FULL"),
          warmUp.info().toString());
    }
  }

  /** The node's datasets, where a file's source is told once the test says so. */
  private static Datasets slowToOpen(Datasets real, CountDownLatch isOpening, CountDownLatch goOn) {
    return (Datasets)
        Proxy.newProxyInstance(
            Datasets.class.getClassLoader(),
            new Class<?>[] {Datasets.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("source")) {
                isOpening.countDown();
                assertTrue(goOn.await(30, TimeUnit.SECONDS));
              }
              try {
                return method.invoke(real, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static WarmUp warmUp(NodeServices node, Datasets datasets) {
    return new WarmUp(
        "w1",
        DATA,
        "",
        datasets,
        node.plane(),
        node.store(),
        1,
        new RateCap(0),
        0,
        Clock.systemUTC());
  }

  private NodeServices start(String... more) {
    Map<String, String> settings = new HashMap<>(Map.of("store.disk-min-free", "0"));
    for (int i = 0; i < more.length; i += 2) {
      settings.put(more[i], more[i + 1]);
    }
    NodeServices made =
        new NodeServices(
            AgentConfig.of(root.resolve("data"), new ConfigTree(settings)),
            new FakeCoordinator(),
            new AgentMetrics("test"),
            "test");
    made.start();
    return made;
  }
}
