package dev.larder.perf.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A process under test. Its standard output is read line by line by the harness, its standard error
 * goes to a log. One thread at a time.
 */
public final class ChildProcess implements AutoCloseable {
  private static final long STOP_SECONDS_MAX = 20;

  private final String name;
  private final Process process;
  private final Path log;
  private final BufferedReader output;

  ChildProcess(String name, Process process, Path log) {
    this.name = name;
    this.process = process;
    this.log = log;
    this.output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** Its process id. */
  public long pid() {
    return process.pid();
  }

  /** Whether it still runs. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /** CPU time and memory now. */
  public ProcStat stat() throws IOException {
    return ProcStat.of(process.pid());
  }

  /**
   * The next line of its standard output.
   *
   * @throws IOException when it ended or said nothing for so long; the message names its log
   */
  public String line(long secondsMax) throws IOException, InterruptedException {
    CompletableFuture<String> next = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(() -> {
          try {
            String line = output.readLine();
            if (line == null) {
              next.completeExceptionally(new IOException("it ended"));
            } else {
              next.complete(line);
            }
          } catch (IOException e) {
            next.completeExceptionally(e);
          }
        });
    try {
      return next.get(secondsMax, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new IOException(name + " said nothing for " + secondsMax + " s; see " + log, e);
    } catch (java.util.concurrent.ExecutionException e) {
      throw new IOException(name + " gave no answer; see " + log, e.getCause());
    }
  }

  /** Sends a line to its standard input; for one that was started to be told. */
  public void tell(String line) throws IOException {
    OutputStream input = process.getOutputStream();
    input.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    input.flush();
  }

  /** Waits for its end; an exit status other than 0 is an error. */
  public void awaitSuccess(long secondsMax) throws IOException, InterruptedException {
    if (!process.waitFor(secondsMax, TimeUnit.SECONDS)) {
      close();
      throw new IOException(name + " did not end within " + secondsMax + " s; see " + log);
    }
    if (process.exitValue() != 0) {
      throw new IOException(name + " ended with status " + process.exitValue() + "; see " + log);
    }
  }

  /** Sends SIGKILL and waits for the end. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Sends SIGTERM, after a while SIGKILL, and waits for the end. Idempotent. */
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  void destroyNow() {
    try {
      process.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Where its standard error goes. */
  public Path log() {
    return log;
  }
}
