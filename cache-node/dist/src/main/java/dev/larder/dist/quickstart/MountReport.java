package dev.larder.dist.quickstart;

import dev.larder.dist.quickstart.QuickstartReport.Phase;
import dev.larder.protocol.DataSize;
import java.util.List;
import java.util.Locale;

/**
 * What the mount's quickstart found.
 *
 * @param mismatches files and ranges that differed from their source, summed over the phases
 */
record MountReport(
    long files, long bytes, long mismatches, List<Phase> phases, MountReport.Killed killed) {

  /**
   * What readers saw while the agent was killed.
   *
   * @param readerErrors reads and opens that failed
   * @param longestPauseSeconds longest single read or open
   * @param bytes bytes read and compared
   * @param incompleteBytes those of them read from files that were not complete at the start
   */
  record Killed(
      int kills,
      long readerErrors,
      double longestPauseSeconds,
      long bytes,
      long incompleteBytes,
      long mismatches) {}

  /**
   * Whether every byte matched, no reader saw an error, and warm reads asked the origin nothing.
   */
  boolean passed() {
    return mismatches == 0
        && killed.readerErrors() == 0
        && killed.incompleteBytes() > 0
        && phases.stream()
            .filter(phase -> phase.name().equals("warm"))
            .allMatch(phase -> phase.originRequests() == 0);
  }

  /** One JSON object on one line. */
  String json() {
    String plain = new QuickstartReport(files, bytes, mismatches, phases).json();
    return plain.substring(0, plain.length() - 1)
        + String.format(
            Locale.ROOT,
            ",\"killed\":{\"kills\":%d,\"readerErrors\":%d,\"longestPauseSeconds\":%.3f}}",
            killed.kills(),
            killed.readerErrors(),
            killed.longestPauseSeconds());
  }

  /** For people. */
  String text() {
    return String.format(
            Locale.ROOT,
            "%d files, %s; %d differed from their source. Origin figures are the S3 server's own.%n",
            files,
            DataSize.human(bytes),
            mismatches)
        + new QuickstartReport(files, bytes, mismatches, phases).table()
        + String.format(
            Locale.ROOT,
            "The agent was killed %d times under readers: %d errors, longest pause %.2f s,"
                + " %s compared (%s from incomplete files).%n",
            killed.kills(),
            killed.readerErrors(),
            killed.longestPauseSeconds(),
            DataSize.human(killed.bytes()),
            DataSize.human(killed.incompleteBytes()));
  }
}
