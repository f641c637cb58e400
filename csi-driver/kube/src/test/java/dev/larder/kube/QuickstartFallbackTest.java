package dev.larder.kube;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.dist.kube.KubeNode;
import dev.larder.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code larder quickstart pods} on a machine that has all that a real kubelet needs, but whose
 * containerd ends at once. It ends before a kubelet is started, so programs that only wait stand
 * for Kubernetes.
 */
@Tag("long")
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class QuickstartFallbackTest {
  private static final Duration LIMIT = Duration.ofMinutes(8);
  private static final String WORDS = "containerd: no such cgroup controller";

  @TempDir Path directory;
  private Map<String, String> environment;

  @BeforeEach
  void spoil() throws Exception {
    Path home = KubernetesTest.home();
    Needs.that(Files.isDirectory(home), "no distribution at " + home + "; build cache-node/dist");
    String lacks = KubeNode.lacks(home);
    Needs.that(lacks.isEmpty(), "a Kubernetes node cannot be started here, it lacks " + lacks);
    Matcher version =
        Pattern.compile("require k8s.io/kubernetes v(\\S+)")
            .matcher(Files.readString(home.resolve("kube/kubernetes/go.mod")));
    assertTrue(version.find());
    Path tools = directory.resolve("tools");
    Path kubernetes = tools.resolve("kubernetes-" + version.group(1));
    for (String name :
        List.of(
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "csi-provisioner",
            "coredns")) {
      program(kubernetes.resolve(name), "exec sleep 3600");
    }
    program(kubernetes.resolve("kubectl"), "exit 0");
    Path path = directory.resolve("path");
    program(path.resolve("etcd"), "exec sleep 3600");
    program(path.resolve("containerd"), "echo '" + WORDS + "'; exit 1");
    environment =
        Map.of("LARDER_TOOLS", tools.toString(), "PATH", path + ":" + System.getenv("PATH"));
  }

  private static void program(Path file, String line) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + line + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @Test
  void aNodeThatDoesNotStartGivesWayToTheFakeOne() throws Exception {
    try (QuickstartPods quickstart = QuickstartPods.start(directory, "auto", LIMIT, environment)) {
      quickstart.assertGood("fake");
      assertSaid(quickstart, WORDS);
      assertSaid(quickstart, "node.sh: containerd ended");
      assertSaid(quickstart, "no real kubelet can be had here: it is built but does not start");
      // So the checks were of the real one's folder.
      assertNotEquals(directory.resolve("work"), quickstart.node(), quickstart::said);
    }
  }

  @Test
  void whoAsksForTheRealOneGetsTheReasonInstead() throws Exception {
    try (QuickstartPods quickstart = QuickstartPods.start(directory, "real", LIMIT, environment)) {
      quickstart.assertFailed();
      assertSaid(quickstart, WORDS);
      assertSaid(quickstart, "no real kubelet can be had here: it is built but does not start");
    }
  }

  private static void assertSaid(QuickstartPods quickstart, String words) {
    assertTrue(quickstart.said().contains(words), quickstart::said);
  }
}
