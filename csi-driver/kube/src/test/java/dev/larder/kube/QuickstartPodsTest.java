package dev.larder.kube;

import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.larder.dist.kube.KubeNode;
import dev.larder.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code larder quickstart pods} with the fake kubelet. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class QuickstartPodsTest {
  private static final Duration LIMIT = Duration.ofMinutes(4);

  @TempDir Path directory;

  @BeforeEach
  void needs() {
    Needs.root();
    Needs.that(
        Files.isDirectory(KubernetesTest.home()), "no distribution; build cache-node/dist first");
  }

  @Test
  void everyByteIsRightAndNothingStays() throws Exception {
    try (QuickstartPods quickstart = QuickstartPods.start(directory, "fake", LIMIT)) {
      quickstart.assertGood();
    }
  }

  @Test
  void aCtrlCTakesEverythingAway() throws Exception {
    try (QuickstartPods quickstart = QuickstartPods.start(directory, "fake", LIMIT)) {
      quickstart.awaitSaid("kill -9");
      assertFalse(KubeNode.mounts(quickstart.node()).isEmpty(), "volumes are published");
      quickstart.assertCtrlCLeavesNothing();
    }
  }
}
