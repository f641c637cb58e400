package dev.larder.fuse;

import dev.larder.protocol.LarderException;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs faults of requests, each kind at most once in a while with a count: an origin that is down
 * fails thousands of reads with one cause. Any thread.
 */
final class FaultLog {
  private static final Logger log = LoggerFactory.getLogger(FaultLog.class);
  private static final long QUIET_NANOS = 10_000_000_000L;

  private final Map<String, Kind> kinds = new HashMap<>();

  /** A fault that a program sees as errno. */
  void fault(String request, Object subject, LarderException e) {
    long count = due(e.code().name());
    if (count > 0) {
      log.warn(
          "{} failed subject={} code={} times={}: {}",
          request,
          subject,
          e.code(),
          count,
          e.getMessage());
    }
  }

  /** A defect of ours, or of whom we call. */
  void defect(String request, Object subject, Throwable e) {
    long count = due(e.getClass().getName());
    if (count > 0) {
      log.error("{} failed subject={} times={}", request, subject, count, e);
    }
  }

  /** Anything else that may come often. */
  void warn(String what, Object subject) {
    long count = due(what);
    if (count > 0) {
      log.warn("{} last={} times={}", what, subject, count);
    }
  }

  /** How many of a kind came since the last line, this one included; 0 to keep quiet. */
  private synchronized long due(String name) {
    long now = System.nanoTime();
    Kind kind = kinds.get(name);
    if (kind != null && now - kind.loggedNanos < QUIET_NANOS) {
      kind.quiet++;
      return 0;
    }
    long count = kind == null ? 1 : kind.quiet + 1;
    kinds.put(name, new Kind(now));
    return count;
  }

  private static final class Kind {
    private final long loggedNanos;
    private long quiet;

    Kind(long loggedNanos) {
      this.loggedNanos = loggedNanos;
    }
  }
}
