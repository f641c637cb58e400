package dev.larder.kube;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.dist.kube.KubeNode;
import dev.larder.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code larder quickstart pods} with a real kubelet, which is built here where it is not yet. */
@Tag("long")
@Timeout(value = 60, unit = TimeUnit.MINUTES)
class QuickstartRealPodsTest {
  private static final Duration LIMIT = Duration.ofMinutes(15);

  @TempDir Path directory;

  @BeforeEach
  void needs() throws Exception {
    Path home = KubernetesTest.home();
    Needs.that(Files.isDirectory(home), "no distribution at " + home + "; build cache-node/dist");
    String lacks = KubeNode.lacks(home);
    Needs.that(lacks.isEmpty(), "a Kubernetes node cannot be started here, it lacks " + lacks);
    // Not a part of what has the limit.
    Path unused = KubeNode.build(home);
  }

  @Test
  void everyByteIsRightAndNothingStays() throws Exception {
    try (QuickstartPods quickstart = QuickstartPods.start(directory, "real", LIMIT)) {
      quickstart.assertGood();
      assertNotEquals(directory.resolve("work"), quickstart.node(), quickstart::said);
    }
  }

  /** Its scripts are told too, as by a terminal, and what they began is nobody's. */
  @Test
  void aCtrlCAtTheStartTakesEverythingAway() throws Exception {
    try (QuickstartPods quickstart = QuickstartPods.start(directory, "real", LIMIT)) {
      quickstart.awaitSaid("a Kubernetes of one node in");
      quickstart.awaitFile("run/apiserver.pid");
      quickstart.assertCtrlCLeavesNothing();
    }
  }

  @Test
  void aCtrlCUnderReadersTakesEverythingAway() throws Exception {
    try (QuickstartPods quickstart = QuickstartPods.start(directory, "real", LIMIT)) {
      quickstart.awaitSaid("kill -9");
      assertTrue(
          KubeNode.mounts(quickstart.node()).stream()
              .anyMatch(mount -> mount.contains("kubernetes.io~csi")),
          "volumes are published");
      quickstart.assertCtrlCLeavesNothing();
    }
  }
}
