package dev.larder.mount.tree;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.larder.mount.contract.ContractTree;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is left of a mount whose process is gone, and mounts of users who are not root. */
final class TreeProcessTest {
  private static final int NOBODY = 65_534;

  private Path directory;
  private Path image;
  private Path target;

  @BeforeEach
  void prepare() throws Exception {
    TreeFixture.requireSupport();
    directory = Files.createTempDirectory(Path.of("/tmp"), "tree-process");
    directory.toFile().setExecutable(true, false);
    image = directory.resolve("image");
    target = Files.createDirectory(directory.resolve("mnt"));
    ContractTree.ofFiles(TreeChild.FILES).writeCatalog(image, directory);
    image.toFile().setReadable(true, false);
  }

  @AfterEach
  void clear() throws Exception {
    if (directory == null) {
      return;
    }
    if (MountLine.at(target).isPresent()) {
      Outside.start("umount", "-f", target.toString()).status();
      Outside.start("umount", "-l", target.toString()).status();
    }
    for (Path each : List.of(target, image, directory)) {
      Files.delete(each);
    }
  }

  private List<String> command(String... more) {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-ea",
                "-Xmx128m",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                // The helper program of the other way may lie where only root can go.
                "-Djdk.lang.Process.launchMechanism=FORK",
                "-cp",
                classPath,
                TreeChild.class.getName(),
                image.toString(),
                target.toString()));
    command.addAll(List.of(more));
    return command;
  }

  /** Starts a child and waits until it has mounted. */
  private Process child(String... more) throws IOException {
    Process process =
        new ProcessBuilder(command(more)).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader said = process.inputReader(StandardCharsets.US_ASCII);
    String line = said.readLine();
    if (!"mounted".equals(line)) {
      process.destroyForcibly();
      fail("the child said " + line);
    }
    return process;
  }

  private void awaitUnmounted() throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (MountLine.at(target).isPresent()) {
      assertTrue(System.nanoTime() < deadline, "the mount stays");
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
    }
  }

  @Test
  void aKilledProcessLeavesNoMount() throws Exception {
    Process child = child("close");
    assertArrayEquals(TreeChild.FILES.get("dir/b").bytes(), Outside.read(target.resolve("dir/b")));
    child.destroyForcibly();
    assertTrue(child.waitFor(30, TimeUnit.SECONDS));
    awaitUnmounted();
  }

  @Test
  void aProcessThatJustEndsLeavesNoMount() throws Exception {
    Process child = child("exit");
    child.getOutputStream().close();
    assertTrue(child.waitFor(30, TimeUnit.SECONDS));
    assertEquals(0, child.exitValue());
    awaitUnmounted();
  }

  @Test
  void aKilledProcessDiesEvenWithAFileOfItsOwnMountOpen() throws Exception {
    Process child = child("own");
    child.destroyForcibly();
    assertTrue(child.waitFor(30, TimeUnit.SECONDS), "the process cannot die");
    awaitUnmounted();
  }

  @Test
  void aProcessEndsEvenWithAFileOfItsOwnMountOpen() throws Exception {
    Process child = child("own");
    child.getOutputStream().close();
    assertTrue(child.waitFor(30, TimeUnit.SECONDS), "the process cannot end");
    assertEquals(0, child.exitValue());
    awaitUnmounted();
  }

  @Test
  void aUserWithoutRootMounts() throws Exception {
    requireRoot();
    Files.setAttribute(target, "unix:uid", NOBODY);
    Process child = nobodysChild("666");
    try {
      assertEquals("mounted", child.inputReader(StandardCharsets.US_ASCII).readLine());
      for (String path : TreeChild.FILES.keySet()) {
        Outside sum = besides(child, true, "sha256sum", target.resolve(path).toString());
        assertEquals(Outside.sha256(TreeChild.FILES.get(path).bytes()), sum.text().split(" ")[0]);
      }
      // Not let in: others, not even root.
      Outside other = besides(child, false, "cat", target.resolve("a").toString());
      assertEquals(1, other.status());
      assertTrue(other.text().contains("Permission denied"));
      assertTrue(besides(child, false, "cat", "/proc/mounts").text().contains(target.toString()));
    } finally {
      end(child);
    }
    assertEquals("closed false", child.inputReader(StandardCharsets.US_ASCII).readLine());
  }

  @Test
  void aUserWhoMayNotOpenTheDeviceIsToldSo() throws Exception {
    requireRoot();
    Files.setAttribute(target, "unix:uid", NOBODY);
    Process child = nobodysChild("600");
    try {
      String said = child.inputReader(StandardCharsets.US_ASCII).readLine();
      assertTrue(said.startsWith("UNSUPPORTED: /dev/fuse is closed to this user"), said);
    } finally {
      end(child);
    }
  }

  private static void requireRoot() {
    boolean isRoot = "root".equals(System.getProperty("user.name"));
    if (!isRoot && "true".equals(System.getenv("CI"))) {
      fail("needs root to become somebody else");
    }
    Assumptions.assumeTrue(isRoot, "needs root to become somebody else");
  }

  /** A child of another user, in a mount name space where the device has these permissions. */
  private Process nobodysChild(String devicePermissions) throws IOException {
    String prepare =
        "mount -t tmpfs tmpfs /mnt && mknod -m "
            + devicePermissions
            + " /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse && exec \"$@\"";
    List<String> command =
        new ArrayList<>(List.of("unshare", "--mount", "--", "sh", "-c", prepare, "sh"));
    command.addAll(command("close", Integer.toString(NOBODY)));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Runs a program in the child's mount name space. */
  private static Outside besides(Process child, boolean isNobody, String... program)
      throws IOException {
    List<String> command =
        new ArrayList<>(List.of("nsenter", "--mount", "--target", Long.toString(child.pid())));
    if (isNobody) {
      command.addAll(
          List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups"));
    }
    command.addAll(List.of(program));
    return Outside.start(command.toArray(String[]::new));
  }

  private static void end(Process child) throws IOException, InterruptedException {
    child.getOutputStream().close();
    if (!child.waitFor(30, TimeUnit.SECONDS)) {
      child.destroyForcibly();
      fail("the child did not end");
    }
  }
}
