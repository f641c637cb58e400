package dev.larder.agent.peer;

import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.cluster.Peer;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.AskAnswer;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.ReportAnswer;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.tracker.Asker;
import dev.larder.agent.tracker.Assignment;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Talks to trackers: this node's own without the network, others through their peer door. */
final class TrackerLink {
  private static final Logger log = LoggerFactory.getLogger(TrackerLink.class);

  /** A tracker with no room at the moment is asked again for some three seconds. */
  private static final int BUSY_TRIES = 12;

  private static final Duration BUSY_PAUSE = Duration.ofMillis(50);

  /** Pauses grow to eight times the first, no further: room may be there at any moment. */
  private static final int BUSY_DOUBLINGS = 3;

  /** No digests are wanted. */
  private static final long ALL_KNOWN = -1;

  private final Views views;
  private final String zone;
  private final TrackerDesk own;
  private final PeerClient client;
  private final Demotions silent;
  private final LongAdder asks = new LongAdder();
  private final LongAdder failures = new LongAdder();

  TrackerLink(Views views, String zone, TrackerDesk own, PeerClient client, Demotions silent) {
    this.views = views;
    this.zone = zone;
    this.own = own;
    this.client = client;
    this.silent = silent;
  }

  /** What a tracker answered; no answer where it does not track the stripe. */
  record Told(Optional<TrackerDesk.Answer> answer, boolean isViewNew) {}

  boolean isSilent(String tracker) {
    return silent.isDemoted(tracker);
  }

  /** Trackers that did not answer lately and are left alone, and with which code. */
  SortedMap<String, String> silent() {
    return silent.reasons();
  }

  /** Asks; null when the tracker does not answer, which then is left alone for a time. */
  @Nullable Told ask(
      ClusterView view, String tracker, Wanted wanted, Set<String> avoid, Set<String> slow) {
    asks.increment();
    if (tracker.equals(views.self())) {
      Asker asker = new Asker(views.self(), zone, avoid, slow);
      return new Told(
          Optional.of(own.ask(asker, wanted.stripe(), wanted.lost(), wanted.known())), false);
    }
    Sender sender = new Sender(views.self(), zone, view.epoch());
    Ask ask = new Ask(sender, avoid, List.of(wanted), slow);
    byte[] bytes = post(view, tracker, "/peer/v1/ask", Wire.write(ask), 0);
    if (bytes == null) {
      return null;
    }
    try {
      AskAnswer answer = Wire.readAskAnswer(bytes);
      if (answer.answers().size() != 1) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "an answer for another question");
      }
      Optional<TrackerDesk.Answer> first = answer.answers().getFirst();
      return new Told(first, views.heard(answer.epoch(), view.epoch(), first.isEmpty()));
    } catch (LarderException e) {
      failed(tracker, e);
      return null;
    }
  }

  /**
   * Asks for the leases of stripes that this node has whole, so that it may tell their digests.
   *
   * @return as many numbers, 0 where there is none to be had; nothing when the tracker does not
   *     answer
   */
  List<Long> leases(String tracker, List<StripeId> stripes) {
    if (tracker.equals(views.self())) {
      Asker asker = new Asker(views.self(), zone, Set.of());
      return stripes.stream()
          .map(stripe -> lease(Optional.of(own.ask(asker, stripe, "", ALL_KNOWN))))
          .toList();
    }
    ClusterView view = views.now();
    List<Wanted> wanted =
        stripes.stream().map(stripe -> new Wanted(stripe, "", ALL_KNOWN)).toList();
    Ask ask = new Ask(new Sender(views.self(), zone, view.epoch()), Set.of(), wanted);
    byte[] bytes = post(view, tracker, "/peer/v1/ask", Wire.write(ask), 0);
    if (bytes == null) {
      return List.of();
    }
    try {
      List<Optional<TrackerDesk.Answer>> answers = Wire.readAskAnswer(bytes).answers();
      if (answers.size() != stripes.size()) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "an answer for other questions");
      }
      return answers.stream().map(TrackerLink::lease).toList();
    } catch (LarderException e) {
      failed(tracker, e);
      return List.of();
    }
  }

  private static long lease(Optional<TrackerDesk.Answer> answer) {
    return answer
        .filter(each -> each.assignment() instanceof Assignment.Lease)
        .map(each -> ((Assignment.Lease) each.assignment()).lease())
        .orElse(0L);
  }

  /** Reports; null when the tracker does not answer. */
  @Nullable List<Standing> report(String tracker, List<StripeReport> reports) {
    if (tracker.equals(views.self())) {
      List<Standing> standings = new ArrayList<>();
      for (StripeReport each : reports) {
        standings.add(own.report(views.self(), zone, each));
      }
      return standings;
    }
    return send(tracker, reports, 0);
  }

  /** Waits a while until the tracker knows more digests; null when it does not answer. */
  @Nullable Standing watch(String tracker, StripeReport watch, int waitMillis) {
    if (tracker.equals(views.self())) {
      return watchOwn(watch, waitMillis);
    }
    List<Standing> standings = send(tracker, List.of(watch), waitMillis);
    return standings == null ? null : standings.getFirst();
  }

  long asks() {
    return asks.sum();
  }

  long failures() {
    return failures.sum();
  }

  private Standing watchOwn(StripeReport watch, int waitMillis) {
    CompletableFuture<Boolean> woken = new CompletableFuture<>();
    Runnable wake = () -> woken.complete(true);
    own.watch(watch.stripe(), wake);
    try {
      Standing now = own.report(views.self(), zone, watch);
      if (!now.news().isEmpty() || !now.isLive()) {
        return now;
      }
      woken.get(waitMillis, TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      log.debug("no news of {}", watch.stripe());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Standing(true, false, BlockDigests.NONE);
    } finally {
      own.unwatch(watch.stripe(), wake);
    }
    return own.report(views.self(), zone, watch);
  }

  private @Nullable List<Standing> send(
      String tracker, List<StripeReport> reports, int waitMillis) {
    ClusterView view = views.now();
    Report report = new Report(new Sender(views.self(), zone, view.epoch()), waitMillis, reports);
    byte[] bytes = post(view, tracker, "/peer/v1/report", Wire.write(report), waitMillis);
    if (bytes == null) {
      return null;
    }
    try {
      ReportAnswer answer = Wire.readReportAnswer(bytes);
      if (answer.standings().size() != reports.size()) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "an answer for another report");
      }
      return answer.standings();
    } catch (LarderException e) {
      failed(tracker, e);
      return null;
    }
  }

  private byte @Nullable [] post(
      ClusterView view, String tracker, String path, byte[] body, int waitMillis) {
    Optional<Peer> peer = view.peer(tracker);
    if (peer.isEmpty() || peer.get().address().isEmpty()) {
      return null;
    }
    MemberDoor to = MemberDoor.parse(tracker, peer.get().address());
    for (int attempt = 1; ; attempt++) {
      try {
        return client.post(to, path, body, waitMillis);
      } catch (LarderException e) {
        boolean isAgain = attempt < BUSY_TRIES && PeerClient.isBusy(e);
        if (!isAgain || !pause(attempt)) {
          failed(tracker, e);
          return null;
        }
      }
    }
  }

  /** Longer each time and not all at once; false when interrupted. */
  private static boolean pause(int attempt) {
    long nanos = BUSY_PAUSE.toNanos() << Math.min(attempt - 1, BUSY_DOUBLINGS);
    long end = System.nanoTime() + nanos / 2 + ThreadLocalRandom.current().nextLong(nanos / 2);
    for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
      if (Thread.currentThread().isInterrupted()) {
        return false;
      }
      LockSupport.parkNanos(left);
    }
    return true;
  }

  /** A caller that gave up, or too many of them, is not the tracker's fault. */
  private void failed(String tracker, LarderException e) {
    if (e.code() == ErrorCode.CANCELLED
        || e.code() == ErrorCode.TOO_MANY
        || e.code() == ErrorCode.CLOSED) {
      return;
    }
    failures.increment();
    if (!silent.isDemoted(tracker)) {
      log.warn("tracker does not answer member={} code={}: {}", tracker, e.code(), e.getMessage());
    }
    silent.demote(tracker, e.code().name());
  }
}
