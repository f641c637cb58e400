package dev.larder.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** A small volume of its own, unmounted by close. Needs root; a test in CI fails without. */
final class TestVolume implements AutoCloseable {
  private final Path path;

  private TestVolume(Path path) {
    this.path = path;
  }

  static TestVolume tmpfs(Path under, int mebibytes) throws Exception {
    Path point = Files.createDirectory(under.resolve("volume"));
    String fault =
        tryRun(
            List.of(
                "mount", "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "t", point.toString()));
    require(fault.isEmpty(), "mounting a tmpfs needs root: " + fault);
    return new TestVolume(point);
  }

  static TestVolume ext4(Path under, int mebibytes) throws Exception {
    Path image = under.resolve("image");
    try (var file = new java.io.RandomAccessFile(image.toFile(), "rw")) {
      file.setLength((long) mebibytes << 20);
    }
    String made = tryRun(List.of("mkfs.ext4", "-q", "-F", "-m", "0", image.toString()));
    require(made.isEmpty(), "mkfs.ext4 comes with e2fsprogs: " + made);
    Path point = Files.createDirectory(under.resolve("volume"));
    String fault = tryRun(List.of("mount", "-o", "loop", image.toString(), point.toString()));
    require(fault.isEmpty(), "mounting a loop device needs root: " + fault);
    return new TestVolume(point);
  }

  Path path() {
    return path;
  }

  void remount(String option) throws Exception {
    String fault = tryRun(List.of("mount", "-o", "remount," + option, path.toString()));
    if (!fault.isEmpty()) {
      throw new IOException(fault);
    }
  }

  @Override
  public void close() throws Exception {
    String fault = tryRun(List.of("umount", path.toString()));
    if (!fault.isEmpty()) {
      tryRun(List.of("umount", "-l", path.toString()));
      throw new IOException("something kept the volume busy: " + fault);
    }
  }

  private static void require(boolean holds, String what) {
    if ("true".equals(System.getenv("CI"))) {
      if (!holds) {
        throw new AssertionError(what);
      }
    } else {
      Assumptions.assumeTrue(holds, what);
    }
  }

  /** What the command said if it failed, else nothing. */
  private static String tryRun(List<String> command) throws Exception {
    try {
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().merge("PATH", ":/usr/sbin:/sbin", String::concat);
      Process process = builder.start();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      int status = process.waitFor();
      return status == 0 ? "" : command.getFirst() + " exited " + status + ": " + said;
    } catch (IOException e) {
      return e.toString();
    }
  }
}
