package dev.larder.agent.peer;

import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Standing;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports to one tracker: while one message is on its way, what is to be said gathers for the next.
 * Holds each share once, so it is bounded by the shares there are. Any thread.
 */
final class Reporter {
  private static final Logger log = LoggerFactory.getLogger(Reporter.class);

  /** With all their digests half a megabyte. */
  private static final int STRIPES_A_MESSAGE = 200;

  private final String tracker;
  private final TrackerLink link;
  private final LinkedHashSet<ClusterShare> waiting = new LinkedHashSet<>();
  private boolean isSending;
  private boolean isClosed;

  Reporter(String tracker, TrackerLink link) {
    this.tracker = tracker;
    this.link = link;
  }

  void add(ClusterShare share) {
    synchronized (waiting) {
      if (isClosed) {
        return;
      }
      waiting.add(share);
      if (isSending) {
        return;
      }
      isSending = true;
    }
    Thread.ofVirtual().name("report-", 0).start(this::send);
  }

  boolean isOver() {
    synchronized (waiting) {
      return !isSending && waiting.isEmpty();
    }
  }

  /** Takes nothing more, and waits a while for what is to be said. */
  void close(long deadlineNanos) {
    synchronized (waiting) {
      isClosed = true;
      try {
        for (long left = deadlineNanos - System.nanoTime();
            isSending && left > 0;
            left = deadlineNanos - System.nanoTime()) {
          TimeUnit.NANOSECONDS.timedWait(waiting, left);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void send() {
    while (true) {
      List<ClusterShare> turn = new ArrayList<>();
      synchronized (waiting) {
        waiting.stream().limit(STRIPES_A_MESSAGE).forEach(turn::add);
        turn.forEach(waiting::remove);
        if (turn.isEmpty()) {
          isSending = false;
          waiting.notifyAll();
          return;
        }
      }
      try {
        send(turn);
      } catch (RuntimeException e) {
        log.error("report to a tracker failed member={}; going on", tracker, e);
      }
    }
  }

  private void send(List<ClusterShare> turn) {
    List<ClusterShare> told = new ArrayList<>();
    List<StripeReport> reports = new ArrayList<>();
    for (ClusterShare share : turn) {
      StripeReport report = share.report(tracker);
      if (report != null) {
        told.add(share);
        reports.add(report);
      }
    }
    if (reports.isEmpty()) {
      return;
    }
    @Nullable List<Standing> standings =
        link.isSilent(tracker) ? null : link.report(tracker, reports);
    for (int at = 0; at < reports.size(); at++) {
      told.get(at).answered(tracker, reports.get(at), standings == null ? null : standings.get(at));
    }
  }
}
