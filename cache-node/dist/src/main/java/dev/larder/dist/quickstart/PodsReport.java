package dev.larder.dist.quickstart;

import dev.larder.protocol.DataSize;
import java.util.List;
import java.util.Locale;

/**
 * What the quickstart of pods found.
 *
 * @param kubelet {@code real} or {@code fake}
 * @param files files of the dataset
 * @param bytes bytes of the dataset
 * @param mismatches files and ranges that differed from their source, summed over the phases
 * @param readerErrors reads and opens that failed, summed over the phases
 */
record PodsReport(
    String kubelet,
    long files,
    long bytes,
    long mismatches,
    long readerErrors,
    List<Phase> phases,
    Killed killed) {

  /**
   * One pod.
   *
   * @param podReadySeconds from its making to its readiness
   * @param firstByteSeconds from its making to the first byte that its container read
   * @param originBytes bytes of object content that the S3 server sent meanwhile, by its own log
   */
  record Phase(String name, double podReadySeconds, double firstByteSeconds, long originBytes) {}

  /**
   * What the last pod's readers saw while the agent was killed.
   *
   * @param longestPauseSeconds longest single read or open
   * @param incompleteBytes bytes read of files that were not complete at the start
   */
  record Killed(int kills, double longestPauseSeconds, long bytes, long incompleteBytes) {}

  /**
   * Whether every byte matched, no reader saw an error, and the warm pod asked the origin nothing.
   */
  boolean passed() {
    return files > 0
        && mismatches == 0
        && readerErrors == 0
        && killed.incompleteBytes() > 0
        && phases.stream()
            .filter(phase -> phase.name().equals("warm"))
            .allMatch(phase -> phase.originBytes() == 0);
  }

  /** One JSON object on one line. */
  String json() {
    StringBuilder out = new StringBuilder();
    out.append(
        String.format(
            Locale.ROOT,
            "{\"kubelet\":\"%s\",\"files\":%d,\"bytes\":%d,\"mismatches\":%d,\"readerErrors\":%d,"
                + "\"phases\":[",
            kubelet,
            files,
            bytes,
            mismatches,
            readerErrors));
    for (int i = 0; i < phases.size(); i++) {
      Phase phase = phases.get(i);
      out.append(i == 0 ? "" : ",")
          .append(
              String.format(
                  Locale.ROOT,
                  "{\"name\":\"%s\",\"podReadySeconds\":%.3f,\"firstByteSeconds\":%.3f,"
                      + "\"originBytes\":%d}",
                  phase.name(),
                  phase.podReadySeconds(),
                  phase.firstByteSeconds(),
                  phase.originBytes()));
    }
    return out.append("]}").toString();
  }

  /** For people. */
  String text() {
    StringBuilder out = new StringBuilder();
    out.append(
        String.format(
            Locale.ROOT,
            "%d files, %s; %d differed from their source, %d reads failed. Kubelet: %s. Origin"
                + " figures are the S3 server's own.%n%-10s %10s %12s %14s%n",
            files,
            DataSize.human(bytes),
            mismatches,
            readerErrors,
            kubelet,
            "PHASE",
            "POD READY",
            "FIRST BYTE",
            "FROM ORIGIN"));
    for (Phase phase : phases) {
      out.append(
          String.format(
              Locale.ROOT,
              "%-10s %9.2fs %11.2fs %14s%n",
              phase.name(),
              phase.podReadySeconds(),
              phase.firstByteSeconds(),
              DataSize.human(phase.originBytes())));
    }
    return out.append(
            String.format(
                Locale.ROOT,
                "The agent was killed %d times under the last pod's readers: longest pause %.2f s,"
                    + " %s compared (%s from incomplete files).%n",
                killed.kills(),
                killed.longestPauseSeconds(),
                DataSize.human(killed.bytes()),
                DataSize.human(killed.incompleteBytes())))
        .toString();
  }
}
