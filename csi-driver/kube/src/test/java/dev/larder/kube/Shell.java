package dev.larder.kube;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Commands of the machine, and waiting for what they bring about. */
final class Shell {
  private static final long LOOK_NANOS = 200_000_000;

  private Shell() {}

  /** What a command said on standard output and how it ended. */
  record Result(int status, String output, String errors) {}

  /** Runs a command to its end; one that takes longer is killed, and that is a fault. */
  static Result run(Duration limit, List<String> command) throws Exception {
    Path output = Files.createTempFile("shell", ".out");
    Path errors = Files.createTempFile("shell", ".err");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectInput(Path.of("/dev/null").toFile())
              .redirectOutput(output.toFile())
              .redirectError(errors.toFile())
              .start();
      boolean isEnded = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (!isEnded) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
      }
      String said = Files.readString(output, StandardCharsets.UTF_8);
      String wrong = Files.readString(errors, StandardCharsets.UTF_8);
      if (!isEnded) {
        throw new AssertionError("longer than " + limit + ": " + command + "\n" + said + wrong);
      }
      return new Result(process.exitValue(), said, wrong);
    } finally {
      Files.delete(output);
      Files.delete(errors);
    }
  }

  /** Runs a command that has to succeed; answers its standard output. */
  static String must(Duration limit, List<String> command) throws Exception {
    Result result = run(limit, command);
    if (result.status() != 0) {
      throw new AssertionError(
          "status " + result.status() + ": " + command + "\n" + result.output() + result.errors());
    }
    return result.output();
  }

  /** Waits until something holds. */
  static void await(String what, Duration limit, BooleanSupplier holds) {
    long end = System.nanoTime() + limit.toNanos();
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() - end > 0) {
        throw new AssertionError("not within " + limit + ": " + what);
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  /** The lines of a file of the kernel's; none where it cannot be read any more. */
  static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      return List.of();
    }
  }
}
