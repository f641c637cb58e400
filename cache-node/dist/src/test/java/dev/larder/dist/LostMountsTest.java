package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.client.Control.MountRequest;
import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mounts that somebody takes away, or covers, without asking the agent. */
class LostMountsTest {
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
    assertArrayEquals(
        mounted.files.get("many/007"), Files.readAllBytes(other.resolve("many/007")));
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
