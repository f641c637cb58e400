package dev.larder.keeper;

import java.io.PrintStream;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Lines on stderr: a logging library would be most of the keeper's memory. */
final class Log {
  private static final PrintStream OUT = System.err;

  private Log() {}

  static void info(String message) {
    line("INFO", message);
  }

  static void warn(String message) {
    line("WARN", message);
  }

  static void error(String message) {
    line("ERROR", message);
  }

  /** A defect: with where it happened. */
  static void defect(String message, Throwable cause) {
    line("ERROR", message + ": " + cause);
    for (StackTraceElement at : cause.getStackTrace()) {
      line("ERROR", "  at " + at);
    }
  }

  private static void line(String level, String message) {
    // One call, so that lines of several threads do not mix; names may come from anywhere.
    String safe = message.replace('\n', ' ').replace('\r', ' ');
    OUT.println(Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + level + " keeper " + safe);
  }
}
