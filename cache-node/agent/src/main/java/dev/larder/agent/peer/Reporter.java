package dev.larder.agent.peer;

import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Standing;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports to one tracker: while one message is on its way, what is to be said gathers for the next.
 * Words about one stripe go out in the order they were said. Holds each word once, so it is bounded
 * by the shares there are and by {@link Drops}. Any thread.
 */
final class Reporter {
  private static final Logger log = LoggerFactory.getLogger(Reporter.class);

  /** With all their digests half a megabyte. */
  private static final int STRIPES_A_MESSAGE = 200;

  private final String tracker;
  private final TrackerLink link;
  private final Map<StripeId, LinkedHashSet<Word>> waiting = new LinkedHashMap<>();

  /** Stripes whose last words are on their way. */
  private final Set<StripeId> leaving = new HashSet<>();

  private boolean isSending;
  private boolean isClosed;

  Reporter(String tracker, TrackerLink link) {
    this.tracker = tracker;
    this.link = link;
  }

  /** Takes a word; false when it is closed and the word will not be told. */
  boolean add(Word word) {
    synchronized (waiting) {
      if (isClosed) {
        return false;
      }
      waiting.computeIfAbsent(word.stripe(), any -> new LinkedHashSet<>(2)).add(word);
      if (isSending) {
        return true;
      }
      isSending = true;
    }
    Thread.ofVirtual().name("report-", 0).start(this::send);
    return true;
  }

  boolean isOver() {
    synchronized (waiting) {
      return !isSending && waiting.isEmpty();
    }
  }

  /**
   * Waits until the last words about a stripe are out: a tracker that heard them after an ask would
   * take a copy that was dropped for one that just came, and send others in circles.
   */
  void awaitLast(StripeId stripe, long deadlineNanos) {
    synchronized (waiting) {
      try {
        for (long left = deadlineNanos - System.nanoTime();
            left > 0 && isLastToSay(stripe);
            left = deadlineNanos - System.nanoTime()) {
          TimeUnit.NANOSECONDS.timedWait(waiting, left);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Under {@code waiting}. */
  private boolean isLastToSay(StripeId stripe) {
    Set<Word> words = waiting.get(stripe);
    return leaving.contains(stripe) || (words != null && words.stream().anyMatch(Word::isLast));
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
      List<Word> turn = new ArrayList<>();
      synchronized (waiting) {
        leaving.clear();
        waiting.notifyAll();
        Iterator<LinkedHashSet<Word>> next = waiting.values().iterator();
        while (next.hasNext() && turn.size() < STRIPES_A_MESSAGE) {
          turn.addAll(next.next());
          next.remove();
        }
        turn.stream().filter(Word::isLast).forEach(word -> leaving.add(word.stripe()));
        if (turn.isEmpty()) {
          isSending = false;
          return;
        }
      }
      try {
        send(turn);
      } catch (RuntimeException e) {
        log.error("report to a tracker failed member={}; going on", tracker, e);
        turn.forEach(word -> word.answered(tracker, null, null));
      }
    }
  }

  /** Whoever has a stripe whole may vouch for it to a tracker that sends nobody elsewhere. */
  private void askLeases(List<Word> turn) {
    List<ClusterShare> whole = new ArrayList<>();
    for (Word word : turn) {
      if (word instanceof ClusterShare share && share.needsLease(tracker)) {
        whole.add(share);
      }
    }
    if (whole.isEmpty() || link.isSilent(tracker)) {
      return;
    }
    List<Long> leases = link.leases(tracker, whole.stream().map(ClusterShare::stripe).toList());
    for (int at = 0; at < leases.size(); at++) {
      if (leases.get(at) != 0) {
        whole.get(at).leased(tracker, leases.get(at));
      }
    }
  }

  private void send(List<Word> turn) {
    // What is disputed is forgotten before anybody vouches anew.
    List<Word> disputes = turn.stream().filter(Dispute.class::isInstance).toList();
    say(disputes);
    List<Word> rest = turn.stream().filter(word -> !(word instanceof Dispute)).toList();
    askLeases(rest);
    say(rest);
  }

  private void say(List<Word> turn) {
    List<Word> told = new ArrayList<>();
    List<StripeReport> reports = new ArrayList<>();
    for (Word word : turn) {
      StripeReport report = word.report(tracker);
      if (report != null) {
        told.add(word);
        reports.add(report);
      } else {
        word.answered(tracker, null, null);
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
