package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.testkit.Needs;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Agents of several builds, one after another, over the same data, keeper and readers. */
class AgentUpgradeTest {
  @TempDir Path directory;

  @BeforeEach
  void needs() {
    Needs.root();
  }

  @Test
  void anAgentOfAnotherBuildGoesOnWhereTheFormerOneWas() throws Exception {
    String own = System.getProperty("java.class.path");
    String other = OtherBuild.in(directory.resolve("other-build"));
    assertEquals("larder " + OtherBuild.VERSION, version(other));
    assertNotEquals("larder " + OtherBuild.VERSION, version(own));
    try (MountedNode mounted = MountedNode.start(directory, "origin.bandwidth-max=4MiB")) {
      NodeProcess node = mounted.node();
      long keeper = node.keeperPid();
      try (MountReaders readers = MountReaders.start(mounted.target, mounted.files, 4)) {
        readers.holdOpen(MountedNode.MODEL);
        readers.holdOpen(MountedNode.OTHER);
        for (String build : List.of(other, own)) {
          mounted.await("a read waits", readers::isWaiting);
          // By turns killed and told to end.
          if (build.equals(own)) {
            node.signal("TERM");
            int unused = node.awaitEnd();
          } else {
            node.kill();
          }
          long before = readers.waited();
          node.build(build);
          node.startAgain();
          mounted.await("what waited is answered", () -> readers.waited() > before);
          String line = Files.readString(Path.of("/proc", "" + node.pid(), "cmdline"));
          assertEquals(build.equals(other), line.contains("other-build"), line);
        }
        readers.stop();
        assertEquals("", readers.failures());
      }
      assertEquals(keeper, node.keeperPid(), "the keeper stayed");
      mounted.compare();
      mounted.unmountCleanly();
    }
  }

  @Test
  void anAgentOfAnotherLayoutIsRefusedAndNobodyHangs() throws Exception {
    try (MountedNode mounted = MountedNode.start(directory, "keeper.agent-deadline=2s")) {
      NodeProcess node = mounted.node();
      mounted.complete(MountedNode.READY);
      node.kill();
      // As a keeper of a build with another layout has it.
      SharedLayout.setVersion(node.keeperPid(), 7);
      node.startAgain();
      mounted.await("it was refused", () -> node.log().contains("this agent knows version"));
      assertEquals("degraded", mounted.mount().state());
      byte[] ready = mounted.files.get(MountedNode.READY);
      assertArrayEquals(ready, Files.readAllBytes(mounted.target.resolve(MountedNode.READY)));
      assertNotEquals(
          0,
          MountedNode.run(10, "cat", mounted.target.resolve(MountedNode.MODEL).toString()),
          "an error and no hang");
      // The way out that docs/MOUNT.md tells.
      node.killKeeper();
      mounted.await("it serves", () -> mounted.mount().state().equals("mounted"));
      mounted.compare();
      mounted.unmountCleanly();
    }
  }

  private static String version(String classPath) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                classPath,
                "dev.larder.dist.Main",
                "--version")
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(30, TimeUnit.SECONDS), said);
    // With two logback.xml on a test's class path, logging adds lines of its own.
    return said.lines().findFirst().orElse("");
  }
}
