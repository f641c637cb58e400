package dev.larder.mount.tree;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;

/** Logs faults that readers can repeat without end: of each kind one a minute, with a count. */
final class RareLog {
  private static final long EVERY_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final Logger log;
  private final ConcurrentHashMap<String, Kind> kinds = new ConcurrentHashMap<>();

  RareLog(Logger log) {
    this.log = log;
  }

  private static final class Kind {
    private long next = System.nanoTime();
    private long left;
  }

  /** Logs a fault; {@code kind} is one of few. */
  void warn(String kind, String format, Object what, Exception fault) {
    Kind each = kinds.computeIfAbsent(kind, any -> new Kind());
    long left;
    synchronized (each) {
      if (System.nanoTime() - each.next < 0) {
        each.left++;
        return;
      }
      each.next = System.nanoTime() + EVERY_NANOS;
      left = each.left;
      each.left = 0;
    }
    log.warn(format + " (left out since the last: {})", what, fault.toString(), left);
  }
}
