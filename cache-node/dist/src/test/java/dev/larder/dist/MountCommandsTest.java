package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Mounts by mount(8), and what the commands say while the agent stands still. */
class MountCommandsTest {
  private static final Path HELPER = Path.of("src/main/dist/bin/mount.fuse.larder");
  private static final long PROMISED_SECONDS = 10;
  private static final long RATIS_PATIENCE_SECONDS = 60;

  @TempDir Path directory;

  @BeforeEach
  void needsRoot() {
    Needs.root();
  }

  @Test
  void mountOfTheSystemTakesADatasetWithItsOptions() throws Exception {
    try (MountedNode node = MountedNode.start(directory)) {
      node.unmountCleanly();
      Path bin = helpers();
      for (String options : List.of("follow", "rw,noexec,nofail", "ro,suid,dev")) {
        assertEquals("", mount(bin, node, options), options);
        node.compare();
        assertEquals(options.contains("follow"), node.mount().follow());
        node.unmountCleanly();
      }
      String said = mount(bin, node, "sideways");
      assertTrue(said.contains("unknown option \"sideways\""), said);
      assertEquals(List.of(), MountedNode.mounts(node.target));
    }
  }

  @Test
  void anAgentThatStandsStillIsSaidSoInTime() throws Exception {
    try (MountedNode node = MountedNode.start(directory)) {
      node.node().signal("STOP");
      try {
        for (List<String> command :
            List.of(List.of("mounts"), List.of("unmount", node.target.toString()))) {
          long began = System.nanoTime();
          StringWriter out = new StringWriter();
          PrintWriter to = new PrintWriter(out, true);
          List<String> all = new java.util.ArrayList<>(command);
          all.addAll(List.of("--agent", directory.resolve("node/ready.json").toString()));
          int status = Main.commandLine().setOut(to).setErr(to).execute(all.toArray(String[]::new));
          assertNotEquals(0, status, out.toString());
          assertTrue(out.toString().contains("did not answer"), out.toString());
          long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began);
          assertTrue(seconds < PROMISED_SECONDS, command + " took " + seconds + " s");
        }
      } finally {
        node.node().signal("CONT");
      }
    }
  }

  /** A suspended machine, say: Ratis would end its server and nobody would start it again. */
  @Test
  @Tag("long")
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void aNodeThatStoodStillForMinutesGoesOn() throws Exception {
    try (MountedNode node = MountedNode.start(directory)) {
      node.node().signal("STOP");
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2 * RATIS_PATIENCE_SECONDS);
      while (System.nanoTime() < end) {
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
      }
      node.node().signal("CONT");
      try (LarderClient client = node.node().connect()) {
        client
            .control()
            .create("later", node.source.toUri().toString(), Map.of(), (objects, bytes) -> {});
        assertEquals(2, client.control().datasets().size());
      }
      node.compare();
    }
  }

  /** The helper beside a {@code larder} that is this build. */
  private Path helpers() throws Exception {
    Path bin = Files.createDirectory(directory.resolve("bin"));
    Path helper = bin.resolve("mount.fuse.larder");
    Files.copy(HELPER, helper, StandardCopyOption.COPY_ATTRIBUTES);
    assertTrue(helper.toFile().setExecutable(true));
    Path larder = bin.resolve("larder");
    Files.writeString(
        larder,
        "#!/bin/sh\nexec '%s/bin/java' --enable-native-access=ALL-UNNAMED -cp '%s' %s \"$@\"\n"
            .formatted(
                System.getProperty("java.home"),
                System.getProperty("java.class.path"),
                "dev.larder.dist.Main"));
    assertTrue(larder.toFile().setExecutable(true));
    return bin;
  }

  /**
   * Runs mount(8) where it finds the helper: /sbin is given one in a name space of its own, which
   * the agent, outside of it, knows nothing of. Answers what it said; empty when it went well.
   */
  private String mount(Path bin, MountedNode node, String options) throws Exception {
    String agent = "agent=" + directory.resolve("node/ready.json");
    Process process =
        new ProcessBuilder(
                "unshare",
                "--mount",
                "sh",
                "-ec",
                "mount -t overlay -o lowerdir=\"$1\":/usr/sbin none /usr/sbin;"
                    + " exec mount -t fuse.larder data \"$2\" -o \"$3\"",
                "sh",
                bin.toString(),
                node.target.toString(),
                options + "," + agent)
            .redirectErrorStream(true)
            .start();
    byte[] said = process.getInputStream().readAllBytes();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    String text = new String(said, StandardCharsets.UTF_8);
    return process.exitValue() == 0 ? "" : "status " + process.exitValue() + ": " + text;
  }
}
