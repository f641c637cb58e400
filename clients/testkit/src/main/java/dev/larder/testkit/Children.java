package dev.larder.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Child processes that serve: waiting for their first sign, and ending them. */
final class Children {
  private static final long STOP_SECONDS_MAX = 10;

  private Children() {}

  /** Something a child writes when it serves; null until then. */
  @FunctionalInterface
  interface Sign<T> {
    @org.jspecify.annotations.Nullable
    T look() throws IOException;
  }

  /** Waits for a sign of life; a child that dies first fails with what it logged. */
  static <T> T await(Process process, Path log, Duration limit, Sign<T> sign) throws IOException {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      T seen = sign.look();
      if (seen != null) {
        return seen;
      }
      if (!process.isAlive() || System.nanoTime() > end) {
        stop(process);
        throw new IOException("the server did not start: " + Files.readString(log));
      }
      LockSupport.parkNanos(5_000_000);
    }
  }

  /** Ends a child and waits for its end. */
  static void stop(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
