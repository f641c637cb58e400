package dev.larder.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** Programs and mounts of the machine that the tests hold the code against. */
final class Tools {
  private Tools() {}

  /** What a program said. */
  record Result(int status, String output) {}

  /** Ends the test unless the program is there: as failed in CI, as not applicable elsewhere. */
  static void require(String program, String hint) {
    boolean found =
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
    unless(found, program + " is not installed; " + hint);
  }

  /** Ends the test unless mounts can be made here. */
  static void requireMounts() {
    require("mount", "install util-linux");
    unless("root".equals(System.getProperty("user.name")), "mounting needs root");
  }

  static void requireErofsUtils() {
    require("fsck.erofs", "install erofs-utils");
    require("mkfs.erofs", "install erofs-utils");
  }

  private static void unless(boolean holds, String message) {
    if (!holds && "true".equals(System.getenv("CI"))) {
      fail(message);
    }
    Assumptions.assumeTrue(holds, message);
  }

  static Result run(String... command) throws IOException, InterruptedException {
    Path output = Files.createTempFile("tool", ".out");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      if (!process.waitFor(120, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        fail("no end after 120 s: " + List.of(command));
      }
      byte[] said = Files.readAllBytes(output);
      return new Result(process.exitValue(), new String(said, StandardCharsets.UTF_8));
    } finally {
      Files.delete(output);
    }
  }

  static String check(String... command) throws IOException, InterruptedException {
    Result result = run(command);
    assertEquals(0, result.status(), () -> List.of(command) + " said: " + result.output());
    return result.output();
  }

  static void fsck(Path image) throws IOException, InterruptedException {
    check("fsck.erofs", image.toString());
  }

  /**
   * A mount that ends with the test. Its place is no folder of JUnit's: should a mount ever stay,
   * what clears up behind the tests must not walk into it.
   */
  record Mount(Path at) implements AutoCloseable {
    static Mount erofs(Path image) throws IOException, InterruptedException {
      Path at = Files.createTempDirectory("mount");
      check("mount", "-t", "erofs", "-o", "ro,loop", image.toString(), at.toString());
      return new Mount(at);
    }

    static Mount tmpfs(String size) throws IOException, InterruptedException {
      Path at = Files.createTempDirectory("mount");
      check("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", at.toString());
      return new Mount(at);
    }

    static Mount overlay(String layers) throws IOException, InterruptedException {
      Path at = Files.createTempDirectory("mount");
      String options = "ro,metacopy=on,redirect_dir=follow,lowerdir=" + layers;
      check("mount", "-t", "overlay", "-o", options, "overlay", at.toString());
      return new Mount(at);
    }

    @Override
    public void close() throws IOException, InterruptedException {
      Result result = run("umount", at.toString());
      if (result.status() != 0) {
        String users =
            run("sh", "-c", "ls -l /proc/[0-9]*/cwd /proc/[0-9]*/fd | grep " + at).output();
        check("umount", "-l", at.toString());
        fail("umount said: " + result.output() + users);
      }
      Files.delete(at);
    }
  }
}
