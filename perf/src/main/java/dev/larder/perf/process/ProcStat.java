package dev.larder.perf.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A process as /proc shows it (Linux only).
 *
 * @param cpuSeconds user and system time of all its threads
 * @param rssBytes resident now, mapped files included
 * @param rssPeakBytes most that was ever resident
 * @param anonBytes the part of {@code rssBytes} that is no file
 */
public record ProcStat(double cpuSeconds, long rssBytes, long rssPeakBytes, long anonBytes) {
  // USER_HZ: fixed at 100 in the kernel's interface on every architecture Larder runs on.
  private static final double TICKS_PER_SECOND = 100;

  /** Reads a living process. */
  public static ProcStat of(long pid) throws IOException {
    Path directory = Path.of("/proc", Long.toString(pid));
    String stat = Files.readString(directory.resolve("stat"));
    // The command's name stands in brackets and may hold blanks: count fields behind it.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    double cpu = (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
    List<String> status = Files.readAllLines(directory.resolve("status"));
    return new ProcStat(
        cpu,
        kibibytes(status, "VmRSS:"),
        kibibytes(status, "VmHWM:"),
        kibibytes(status, "RssAnon:"));
  }

  private static long kibibytes(List<String> status, String field) throws IOException {
    for (String line : status) {
      if (line.startsWith(field)) {
        return Long.parseLong(line.substring(field.length()).replace("kB", "").strip()) << 10;
      }
    }
    throw new IOException("/proc has no " + field);
  }
}
