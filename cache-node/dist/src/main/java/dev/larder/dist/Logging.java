package dev.larder.dist;

import ch.qos.logback.classic.LoggerContext;
import org.slf4j.LoggerFactory;

/** The process's log. Any thread. */
final class Logging {
  private Logging() {}

  /**
   * Writes out what is queued, for two seconds at most, and ends the log: nothing logged later is
   * written. The last thing a process does.
   */
  static void stop() {
    if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
      context.stop();
    }
  }
}
