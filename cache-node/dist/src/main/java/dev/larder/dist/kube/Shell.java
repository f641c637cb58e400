package dev.larder.dist.kube;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Commands of the machine, and waiting for what they bring about. Any thread; all of it blocks. */
public final class Shell {
  private static final long LOOK_NANOS = 100_000_000;

  /** Ended by SIGINT or SIGTERM. */
  private static final Set<Integer> ENDED = Set.of(128 + 2, 128 + 15);

  private Shell() {}

  /** What a command said on standard output and on standard error, and how it ended. */
  public record Result(int status, String output, String errors) {}

  /**
   * Runs a command to its end.
   *
   * @throws LarderException INTERNAL when it takes longer than the limit; it is killed then
   */
  public static Result run(Duration limit, List<String> command) throws InterruptedException {
    return run(limit, command, false);
  }

  /** As {@link #run}, with its standard error passed on to this process's as it comes. */
  static Result runAloud(Duration limit, List<String> command) throws InterruptedException {
    return run(limit, command, true);
  }

  private static Result run(Duration limit, List<String> command, boolean isAloud)
      throws InterruptedException {
    try {
      Path output = Files.createTempFile("larder-shell", ".out");
      Path errors = Files.createTempFile("larder-shell", ".err");
      try {
        Process process =
            new ProcessBuilder(command)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(output.toFile())
                .redirectError(
                    isAloud
                        ? ProcessBuilder.Redirect.INHERIT
                        : ProcessBuilder.Redirect.to(errors.toFile()))
                .start();
        boolean isEnded = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
        if (!isEnded) {
          process.descendants().forEach(ProcessHandle::destroyForcibly);
          process.destroyForcibly().waitFor();
        }
        String said = Files.readString(output, StandardCharsets.UTF_8);
        String wrong = Files.readString(errors, StandardCharsets.UTF_8);
        if (!isEnded) {
          throw failed("longer than " + limit + ": " + command + "\n" + said + wrong);
        }
        return new Result(process.exitValue(), said, wrong);
      } finally {
        Files.deleteIfExists(output);
        Files.deleteIfExists(errors);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot run " + command, e);
    }
  }

  /**
   * Runs a command that has to succeed; answers its standard output.
   *
   * @throws LarderException INTERNAL with what it said when it does not; CANCELLED where it was
   *     told to end, as by a Ctrl-C
   */
  public static String must(Duration limit, List<String> command) throws InterruptedException {
    Result result = run(limit, command);
    requireNotEnded(result, command);
    if (result.status() != 0) {
      throw failed(
          "status " + result.status() + ": " + command + "\n" + result.output() + result.errors());
    }
    return result.output();
  }

  /** A terminal's signal goes to all programs, and this one may hear of it last. */
  static void requireNotEnded(Result result, List<String> command) {
    if (ENDED.contains(result.status())) {
      throw new LarderException(ErrorCode.CANCELLED, "told to end: " + command);
    }
  }

  /**
   * Waits until something holds.
   *
   * @throws LarderException INTERNAL when it does not within the limit
   */
  public static void await(String what, Duration limit, BooleanSupplier holds) {
    long end = System.nanoTime() + limit.toNanos();
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() - end > 0) {
        throw failed("not within " + limit + ": " + what);
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  /** The lines of a file of the kernel's; none where it cannot be read any more. */
  public static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      return List.of();
    }
  }

  static LarderException failed(String message) {
    return new LarderException(ErrorCode.INTERNAL, message);
  }
}
