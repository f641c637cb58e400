package dev.larder.dist.quickstart;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A server started as a process of its own, with its output in a file. One thread. */
final class ChildProcess implements AutoCloseable {
  private static final long POLL_MILLIS = 20;
  private static final int LOG_LINES = 20;
  private static final Duration STOP_WAIT = Duration.ofSeconds(15);

  private final String name;
  private final Process process;
  private final Path log;

  private ChildProcess(String name, Process process, Path log) {
    this.name = name;
    this.process = process;
    this.log = log;
  }

  /** Starts a command; its standard input stays open until {@link #close}. */
  static ChildProcess start(
      String name, List<String> command, Map<String, String> environment, Path log) {
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().putAll(environment);
      builder
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
      return new ChildProcess(name, builder.start(), log);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot start " + name, e);
    }
  }

  long pid() {
    return process.pid();
  }

  /** Waits until a file is there that the process writes when it is ready. */
  void awaitFile(Path file, Duration deadline) throws InterruptedException {
    long end = System.nanoTime() + deadline.toNanos();
    while (!Files.exists(file)) {
      if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        if (isEnding()) {
          throw new InterruptedException(name + " was ended with this process");
        }
        throw failed("ended with status " + process.exitValue());
      }
      if (System.nanoTime() > end) {
        throw failed("was not ready within " + deadline.toSeconds() + " s");
      }
    }
  }

  /** Ctrl-C ends the processes of a terminal together, and the hooks of this one end the rest. */
  private static boolean isEnding() {
    Thread none = new Thread(() -> {});
    try {
      Runtime.getRuntime().addShutdownHook(none);
      Runtime.getRuntime().removeShutdownHook(none);
      return false;
    } catch (IllegalStateException e) {
      return true;
    }
  }

  /** Kills the process as {@code kill -9} does and waits until it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  private LarderException failed(String what) {
    String tail;
    try {
      List<String> lines = Files.readAllLines(log);
      tail = String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()));
    } catch (IOException e) {
      tail = "(its log cannot be read: " + e + ")";
    }
    return new LarderException(
        ErrorCode.INTERNAL, name + " " + what + "; its last lines:\n" + tail);
  }

  @Override
  public void close() {
    try {
      process.getOutputStream().close();
      process.destroy();
      if (!process.waitFor(STOP_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      // The pipe broke because the process is gone already, which is what is wanted.
      process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
