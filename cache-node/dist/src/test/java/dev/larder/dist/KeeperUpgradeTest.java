package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.cli.Cli;
import dev.larder.keeper.KeeperUnmount;
import dev.larder.testkit.Needs;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code larder keeper upgrade} on a whole node, under readers that compare every byte. */
class KeeperUpgradeTest {
  private static final int UPGRADES = 3;
  private static final int UPGRADES_LONG = 40;

  @TempDir Path directory;

  /** What a command said, and how it ended. */
  private record Said(int status, String text) {}

  @BeforeEach
  void needs() {
    Needs.root();
  }

  @Test
  void readersNoticeNothing() throws Exception {
    upgrade(UPGRADES);
  }

  @Test
  @Tag("long")
  void readersNoticeNothingLong() throws Exception {
    upgrade(UPGRADES_LONG);
  }

  /** The origin is slow, so that readers wait for the agent all the while. */
  private void upgrade(int times) throws Exception {
    try (MountedNode mounted =
        MountedNode.start(
            directory,
            "origin.bandwidth-max=4MiB",
            "keeper.agent-deadline=47s",
            "mount.slots=64")) {
      NodeProcess node = mounted.node();
      mounted.complete(MountedNode.READY);
      try (MountReaders readers = MountReaders.start(mounted.target, mounted.files, 4)) {
        readers.holdOpen(MountedNode.MODEL);
        readers.holdOpen(MountedNode.OTHER);
        for (int i = 0; i < times; i++) {
          long former = node.keeperPid();
          long before = readers.reads();
          Said said = larder("keeper", "upgrade", "--run-dir", node.runDirectory().toString());
          assertEquals(0, said.status(), said.text());
          assertTrue(said.text().contains("took over from " + former), said.text());
          assertTrue(said.text().contains("mounts kept: 1"), said.text());
          assertEquals("", commandLine(former), "the former one has ended");
          String pid = Files.readString(node.runDirectory().resolve("keeper.pid")).strip();
          assertEquals(pid, Long.toString(node.keeperPid()));
          mounted.await("reads go on", () -> readers.reads() > before + 20);
          // The agent has come to it: mounts are made and known.
          mounted.await("mounts are known", () -> mounted.mount().state().equals("mounted"));
        }
        readers.stop();
        assertEquals("", readers.failures());
      }
      long restored =
          node.log()
              .lines()
              .filter(l -> l.contains("an agent gave the FUSE connection back"))
              .count();
      assertEquals(times, restored, node.log());
      String settings = commandLine(node.keeperPid());
      assertTrue(settings.contains("keeper.agent-deadline=47000ms"), settings);
      assertTrue(settings.contains("mount.slots=64"), settings);
      // The successor is the keeper in full: it keeps what waits for the next agent.
      node.kill();
      Process waiting = mounted.reader(MountedNode.MODEL);
      node.startAgain();
      assertTrue(waiting.waitFor(60, TimeUnit.SECONDS), "what waited is answered");
      assertEquals(0, waiting.exitValue());
      mounted.compare();
      mounted.unmountCleanly();
    }
  }

  @Test
  void aRefusedUpgradeSaysWhyAndTheFormerKeeperGoesOn() throws Exception {
    try (MountedNode mounted = MountedNode.start(directory)) {
      NodeProcess node = mounted.node();
      String run = node.runDirectory().toString();
      long former = node.keeperPid();
      Said unknown = larder("keeper", "upgrade", "--run-dir", run, "-c", "keeper.colour=red");
      assertNotEquals(0, unknown.status());
      assertTrue(unknown.text().contains("keeper.colour"), unknown.text());
      // As a keeper of a build with another layout would find it.
      SharedLayout.setVersion(former, 7);
      Said other = larder("keeper", "upgrade", "--run-dir", run);
      SharedLayout.setVersion(former, 1);
      assertNotEquals(0, other.status());
      assertTrue(
          other.text().contains("version 7") && other.text().contains("former one goes on"),
          other.text());
      assertEquals(former, node.keeperPid());
      assertEquals(
          Long.toString(former),
          Files.readString(node.runDirectory().resolve("keeper.pid")).strip());
      Said changed =
          larder("keeper", "upgrade", "--run-dir", run, "-c", "keeper.agent-deadline=31s");
      assertEquals(0, changed.status(), changed.text());
      assertTrue(commandLine(node.keeperPid()).contains("keeper.agent-deadline=31000ms"));
      mounted.compare();
      mounted.await("mounts are known", () -> mounted.mount().state().equals("mounted"));
      mounted.unmountCleanly();
    }
  }

  @Test
  void helpNamesIt() {
    Said all = inside("--help");
    assertTrue(all.text().lines().anyMatch(line -> line.strip().startsWith("keeper ")), all.text());
    Said keeper = inside("keeper", "--help");
    assertEquals(0, keeper.status(), keeper.text());
    assertTrue(
        keeper.text().contains("upgrade") && keeper.text().contains("keeper.run-directory"),
        keeper.text());
    assertEquals(0, inside("keeper", "upgrade", "--help").status());
    Said none = inside("keeper", "upgrade", "--run-dir", directory.toString());
    assertNotEquals(0, none.status());
    assertTrue(none.text().contains("no keeper runs in " + directory), none.text());
    assertEquals(2, inside("keeper").status());
  }

  private static Said inside(String... arguments) {
    CommandLine line = Cli.commandLine("test", KeeperUnmount::run, List.of(new KeeperCommand()));
    StringWriter text = new StringWriter();
    line.setOut(new PrintWriter(text, true));
    line.setErr(new PrintWriter(text, true));
    return new Said(line.execute(arguments), text.toString());
  }

  /** Empty when it has ended, whether or not somebody took note. */
  private static String commandLine(long pid) throws Exception {
    Path file = Path.of("/proc", Long.toString(pid), "cmdline");
    try {
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      return "";
    }
  }

  private static Said larder(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            "dev.larder.dist.Main"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Said(process.waitFor(), text);
  }
}
