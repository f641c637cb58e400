package dev.larder.perf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The machine a run was taken on. */
final class Machine {
  private Machine() {}

  /** One line: cores, model, kernel, JDK, load. */
  static String describe() {
    return Runtime.getRuntime().availableProcessors()
        + " cores ("
        + field("/proc/cpuinfo", "model name")
        + "), "
        + field("/proc/meminfo", "MemTotal")
        + ", Linux "
        + System.getProperty("os.version")
        + ", JDK "
        + Runtime.version()
        + ", load "
        + first("/proc/loadavg");
  }

  private static String field(String file, String name) {
    try {
      for (String line : Files.readAllLines(Path.of(file))) {
        if (line.startsWith(name)) {
          return line.substring(line.indexOf(':') + 1).strip();
        }
      }
    } catch (IOException e) {
      return "no " + file;
    }
    return "unknown";
  }

  private static String first(String file) {
    try {
      return Files.readString(Path.of(file)).split(" ", 2)[0];
    } catch (IOException e) {
      return "unknown";
    }
  }
}
