package dev.larder.dist;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How long ago this process began, the JVM's own start included. */
final class ProcessAge {
  private static final Logger log = LoggerFactory.getLogger(ProcessAge.class);

  // Linux tells programs of a hundred ticks a second, whatever its own clock does.
  private static final long MILLIS_OF_TICK = 10;
  private static final int START_AFTER_NAME = 20;

  private ProcessAge() {}

  /** In milliseconds, in steps of ten; -1 where the kernel does not say it. */
  static long millis() {
    try {
      String stat = Files.readString(Path.of("/proc/self/stat"));
      // The name before it may have any character.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 1).split(" ", -1);
      String up = Files.readString(Path.of("/proc/uptime"));
      return Math.round(1000 * Double.parseDouble(up.substring(0, up.indexOf(' '))))
          - MILLIS_OF_TICK * Long.parseLong(fields[START_AFTER_NAME]);
    } catch (IOException e) {
      log.debug("the process's start is not known", e);
      return -1;
    }
  }
}
