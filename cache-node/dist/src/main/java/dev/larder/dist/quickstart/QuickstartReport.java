package dev.larder.dist.quickstart;

import dev.larder.protocol.DataSize;
import java.util.List;
import java.util.Locale;

/**
 * What the quickstart found.
 *
 * @param files files of the dataset
 * @param bytes bytes of the dataset
 * @param mismatches files that differed from their source, summed over the phases
 */
record QuickstartReport(long files, long bytes, long mismatches, List<Phase> phases) {

  /**
   * One pass over the whole dataset.
   *
   * @param originBytes bytes of object content the S3 server sent during the phase, by its own log
   * @param originRequests requests the S3 server answered during the phase, by its own log
   */
  record Phase(String name, double seconds, long bytes, long originBytes, long originRequests) {

    /** Part of the bytes that did not come from the origin. */
    double hitRatio() {
      return bytes == 0 ? 1 : Math.max(0, 1 - (double) originBytes / bytes);
    }
  }

  /** Whether every byte matched and the phases after the first asked the origin for nothing. */
  boolean passed() {
    return mismatches == 0
        && phases.stream().skip(1).allMatch(p -> p.originRequests() == 0 && p.originBytes() == 0);
  }

  /** One JSON object on one line. */
  String json() {
    StringBuilder out = new StringBuilder();
    out.append(
        "{\"files\":%d,\"bytes\":%d,\"mismatches\":%d,\"phases\":["
            .formatted(files, bytes, mismatches));
    for (int i = 0; i < phases.size(); i++) {
      Phase p = phases.get(i);
      out.append(i == 0 ? "" : ",")
          .append(
              String.format(
                  Locale.ROOT,
                  "{\"name\":\"%s\",\"seconds\":%.3f,\"bytes\":%d,\"originBytes\":%d,"
                      + "\"originRequests\":%d}",
                  p.name(),
                  p.seconds(),
                  p.bytes(),
                  p.originBytes(),
                  p.originRequests()));
    }
    return out.append("]}").toString();
  }

  /** A table for people. */
  String table() {
    StringBuilder out = new StringBuilder();
    out.append(
        String.format(
            Locale.ROOT,
            "%-10s %9s %12s %12s %12s %10s %7s%n",
            "PHASE",
            "TIME",
            "THROUGHPUT",
            "FROM ORIGIN",
            "FROM CACHE",
            "REQUESTS",
            "HITS"));
    for (Phase p : phases) {
      out.append(
          String.format(
              Locale.ROOT,
              "%-10s %8.2fs %10s/s %12s %12s %10d %6.1f%%%n",
              p.name(),
              p.seconds(),
              DataSize.human((long) (p.bytes() / Math.max(p.seconds(), 1e-3))),
              DataSize.human(p.originBytes()),
              DataSize.human(Math.max(0, p.bytes() - p.originBytes())),
              p.originRequests(),
              100 * p.hitRatio()));
    }
    return out.toString();
  }
}
