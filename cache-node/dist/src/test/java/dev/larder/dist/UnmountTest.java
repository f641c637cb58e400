package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.cli.Cli;
import dev.larder.keeper.KeeperUnmount;
import dev.larder.testkit.Fault;
import dev.larder.testkit.FaultyHttpServer;
import dev.larder.testkit.Needs;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** {@code larder unmount} while a reader waits in the kernel, whatever became of the rest. */
class UnmountTest {
  private static final long SECONDS_MAX = 10;
  private static final int BYTES = 3 << 20;
  private static final List<String> ALL_STATES =
      List.of("origin silent", "agent stopped", "agent dead", "agent and keeper stopped");

  @TempDir Path directory;

  private FaultyHttpServer server;
  private MountedNode mounted;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    Random random = new Random(21);
    server = FaultyHttpServer.start();
    mounted =
        MountedNode.startEmpty(directory, "origin.attempts-max=1", "origin.progress-deadline=3s");
    StringBuilder list = new StringBuilder();
    for (int i = 0; i < 2 * ALL_STATES.size(); i++) {
      byte[] content = new byte[BYTES];
      random.nextBytes(content);
      mounted.files.put("f" + i, content);
      server.put("/site/f" + i, content, "v" + i);
      list.append("{\"url\": \"f").append(i).append("\"}\n");
    }
    server.put("/site/list", list.toString().getBytes(StandardCharsets.UTF_8), "m");
    mounted.create(server.endpoint() + "/site/list", Map.of("manifest", "true"));
  }

  @AfterEach
  void stop() throws Exception {
    if (mounted != null) {
      long keeper = mounted.node().keeperPid();
      if (keeper > 0) {
        signal(keeper, "CONT");
      }
      mounted.close();
    }
    server.close();
  }

  @Test
  void forcedItEndsAndSoDoReaders() throws Exception {
    endsWhateverTheState("--force", ALL_STATES.subList(0, 3));
  }

  @Test
  void lazyItEndsAndReadersGoOn() throws Exception {
    endsWhateverTheState("--lazy", List.of("origin silent", "agent dead"));
  }

  @ParameterizedTest
  @Tag("long")
  @ValueSource(strings = {"--force", "--lazy"})
  void endsWhateverTheStateLong(String mode) throws Exception {
    endsWhateverTheState(mode, ALL_STATES);
  }

  private void endsWhateverTheState(String mode, List<String> states) throws Exception {
    NodeProcess node = mounted.node();
    int next = 0;
    for (String state : states) {
      String path = "f" + next++;
      mounted.mount(false);
      long keeper = node.keeperPid();
      if (state.equals("origin silent")) {
        server.spoil(
            "/site/" + path, Collections.nCopies(50, new Fault.Silence()).toArray(Fault[]::new));
      } else if (state.equals("agent dead")) {
        node.kill();
      } else {
        node.signal("STOP");
      }
      Process reader = mounted.reader(path);
      mounted.await("the reader waits: " + state, () -> MountedNode.isStuck(reader.pid()));
      if (state.endsWith("keeper stopped")) {
        signal(keeper, "STOP");
      }

      long began = System.nanoTime();
      int status = unmount(mode);
      double seconds = (System.nanoTime() - began) / 1e9;
      System.out.printf("%s, %s: %.1f s%n", mode, state, seconds);
      assertEquals(0, status, state);
      assertTrue(seconds <= SECONDS_MAX, state + ": " + seconds + " s");
      assertEquals(List.of(), MountedNode.mounts(mounted.target), state);

      if (mode.equals("--force") && !state.endsWith("keeper stopped")) {
        assertTrue(reader.waitFor(SECONDS_MAX, TimeUnit.SECONDS), "the reader hangs: " + state);
        assertNotEquals(0, reader.exitValue(), state);
      }
      goOn(state, keeper, path);
      if (mode.equals("--lazy") || state.endsWith("keeper stopped")) {
        assertTrue(reader.waitFor(60, TimeUnit.SECONDS), "the reader does not end: " + state);
      }
      if (mode.equals("--lazy")) {
        boolean isSilent = state.equals("origin silent");
        assertEquals(isSilent ? 1 : 0, reader.exitValue(), "open files go on: " + state);
      }
      mounted.awaitNothingLeft();
      mounted.mount(false);
      mounted.await("it serves: " + state, () -> mounted.mount().state().equals("mounted"));
      byte[] seen = Files.readAllBytes(mounted.target.resolve("f" + next));
      assertArrayEquals(mounted.files.get("f" + next), seen, state);
      next++;
      mounted.unmountCleanly();
    }
  }

  private void goOn(String state, long keeper, String path) throws Exception {
    switch (state) {
      case "origin silent" -> server.spoil("/site/" + path);
      case "agent dead" -> mounted.node().startAgain();
      case "agent stopped" -> mounted.node().signal("CONT");
      default -> {
        signal(keeper, "CONT");
        mounted.node().signal("CONT");
      }
    }
    mounted.await("mounts are known: " + state, this::hasNoMounts);
  }

  private boolean hasNoMounts() throws Exception {
    try (var client = mounted.node().connect()) {
      return client.control().mounts().isEmpty();
    }
  }

  @Test
  void withoutAnybodyOnlyLardersOwnMountsAreTaken() throws Exception {
    mounted.mount(false);
    mounted.node().kill();
    StringWriter said = new StringWriter();
    Path own = Files.createDirectory(directory.resolve("own"));
    assertEquals(0, MountedNode.run(5, "mount", "-t", "tmpfs", "mine", own.toString()));
    try {
      assertEquals(3, unmount("--force", own, said), said.toString());
      assertTrue(said.toString().contains("nothing of Larder is mounted at " + own));
      assertEquals(1, MountedNode.mounts(own).size());
    } finally {
      assertEquals(0, MountedNode.run(5, "umount", own.toString()));
    }
    assertEquals(0, unmount("--lazy"));
    mounted.awaitNothingLeft();
  }

  private int unmount(String mode) {
    return unmount(mode, mounted.target, new StringWriter());
  }

  private int unmount(String mode, Path target, StringWriter said) {
    CommandLine line = Cli.commandLine("test", KeeperUnmount::run, List.of());
    line.setErr(new PrintWriter(said, true));
    String agent = directory.resolve("node/ready.json").toString();
    int status = line.execute("unmount", target.toString(), mode, "--agent", agent);
    System.out.println(said.toString().strip());
    return status;
  }

  private static void signal(long pid, String name) throws Exception {
    assertEquals(0, MountedNode.run(5, "kill", "-" + name, Long.toString(pid)));
  }
}
