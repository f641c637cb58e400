package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.Control.Mount;
import dev.larder.client.Control.MountRequest;
import dev.larder.client.LarderClient;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Needs;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mounts that somebody takes away, or covers, without asking the agent. */
class LostMountsTest {
  private static final int ROUNDS = 10;

  @TempDir Path directory;

  private MountedNode mounted;
  private Path other;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    mounted = MountedNode.start(directory);
    other = Files.createDirectory(directory.resolve("zother"));
  }

  @AfterEach
  void stop() throws Exception {
    if (mounted != null) {
      mounted.close();
    }
  }

  @Test
  void theOthersFollowAllTheSame() throws Exception {
    mounted.unmount("plain");
    mounted.mount(true);
    mount("data", other, true);
    umount(mounted.target);
    mounted.add(new Random(5), "many/007", 777);
    Files.setLastModifiedTime(
        mounted.source.resolve("many/007"), FileTime.from(Instant.now().plusSeconds(5)));
    try (LarderClient client = mounted.node().connect()) {
      client.control().refresh("data", (o, b) -> {});
    }
    mounted.await("the other one follows", () -> Files.size(other.resolve("many/007")) == 777);
    assertArrayEquals(mounted.files.get("many/007"), Files.readAllBytes(other.resolve("many/007")));
  }

  @Test
  void whatUmountTookAwayIsForgotten() throws Exception {
    umount(mounted.target);
    try (LarderClient client = mounted.node().connect()) {
      assertEquals(List.of(), client.control().mounts());
      mounted.awaitNothingLeft();
      assertFalse(
          Files.readString(mounted.node().runDirectory().resolve("mounts.json"))
              .contains(mounted.target.toString()));
      mounted.mount(false);
      mounted.compare();
      umount(mounted.target);
      client.control().delete("data");
    }
    mounted.awaitNothingLeft();
  }

  @Test
  void whatWasTakenWithoutTheAgentIsForgotten() throws Exception {
    NodeProcess node = mounted.node();
    try (LarderClient client = node.connect()) {
      String large = mounted.source.resolve("large").toUri().toString();
      client.control().create("large", large, Map.of(), (o, b) -> {});
    }
    mount("large", other, false);
    String run = node.runDirectory().toString();
    node.signal("STOP");
    try {
      Said said = larder("unmount", "--lazy", mounted.target.toString(), "--run-dir", run);
      assertEquals(0, said.status(), said.text());
      assertEquals(List.of(), MountedNode.mounts(mounted.target));
    } finally {
      node.signal("CONT");
    }
    mounted.await(
        "the other one is read without the agent",
        () -> {
          byte[] seen = Files.readAllBytes(other.resolve("other.bin"));
          assertArrayEquals(mounted.files.get(MountedNode.OTHER), seen);
          double before = node.metric("larder_fuse_opens_total");
          try (InputStream in = Files.newInputStream(other.resolve("other.bin"))) {
            assertEquals(seen[0] & 0xff, in.read());
          }
          return node.metric("larder_fuse_opens_total") == before;
        });
    try (LarderClient client = node.connect()) {
      assertEquals(
          List.of(other.toString()),
          client.control().mounts().stream().map(Mount::target).toList());
    }
    assertFalse(node.log().contains("looking after the mounts failed"), node.log());
  }

  @Test
  void whatIsCoveredIsCalledSoAndSaysWhatToDo() throws Exception {
    String target = mounted.target.toString();
    assertEquals(0, MountedNode.run(5, "mount", "-t", "tmpfs", "cover", target));
    try (LarderClient client = mounted.node().connect()) {
      assertEquals("covered", mounted.mount().state());
      for (String mode : List.of("plain", "lazy", "force")) {
        LarderException busy =
            assertThrows(LarderException.class, () -> client.control().unmount(target, mode));
        assertEquals(ErrorCode.MOUNT_BUSY, busy.code());
        String said = String.valueOf(busy.getMessage());
        assertTrue(said.contains("tmpfs mount of \"cover\""), said);
        assertTrue(said.contains("umount " + target), said);
        assertFalse(said.contains("--lazy"), said);
      }
    } finally {
      umount(mounted.target);
    }
    mounted.unmountCleanly();
  }

  @Test
  void aLinkNamesTheMountBehindIt() throws Exception {
    mounted.unmount("plain");
    Path link = Files.createSymbolicLink(directory.resolve("link"), mounted.target);
    Path folder = Files.createSymbolicLink(directory.resolve("folder"), directory);
    Path below = folder.resolve("target");
    try (LarderClient client = mounted.node().connect()) {
      for (Path name : List.of(link, below, folder.resolve("link"))) {
        mount("data", name, false);
        assertEquals(mounted.target.toString(), mounted.mount().target());
        client.control().unmount(name.toString(), "plain");
        assertEquals(List.of(), MountedNode.mounts(mounted.target), name.toString());
      }
    }
    mount("data", link, false);
    mounted.node().kill();
    String run = mounted.node().runDirectory().toString();
    Said said = larder("unmount", "--lazy", below.toString(), "--run-dir", run);
    assertEquals(0, said.status(), said.text());
    mounted.awaitNothingLeft();
  }

  @Test
  void forcedUnmountsDoNotFailWhatIsAskedBesideThem() throws Exception {
    mounted.unmount("plain");
    List<FutureTask<Void>> tasks = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Path own = Files.createDirectory(directory.resolve("own" + i));
      FutureTask<Void> task =
          new FutureTask<>(() -> {
            try (LarderClient client = mounted.node().connect()) {
              for (int round = 0; round < ROUNDS; round++) {
                mount("data", own, false);
                client.control().unmount(own.toString(), "force");
              }
            }
            return null;
          });
      Thread.ofPlatform().daemon().start(task);
      tasks.add(task);
    }
    for (FutureTask<Void> task : tasks) {
      task.get(120, TimeUnit.SECONDS);
    }
    mounted.awaitNothingLeft();
    mounted.mount(false);
    mounted.compare();
    mounted.unmountCleanly();
  }

  /** What a command said, and how it ended. */
  private record Said(int status, String text) {}

  /** As a user: in a process of its own, whose requests end with it. */
  private Said larder(String... arguments) throws Exception {
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
    command.addAll(List.of("--agent", directory.resolve("node/ready.json").toString()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Said(process.waitFor(), text);
  }

  private void mount(String dataset, Path where, boolean follow) throws Exception {
    try (LarderClient client = mounted.node().connect()) {
      client
          .control()
          .mount(new MountRequest(dataset, where.toString(), follow, false, false, "kernel"));
    }
  }

  private static void umount(Path where) throws Exception {
    assertEquals(0, MountedNode.run(5, "umount", where.toString()));
  }
}
