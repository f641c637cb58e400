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
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.agent.tracker.TrackerDesk;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Talks to trackers: this node's own without the network, others through their peer door. */
final class TrackerLink {
  private static final Logger log = LoggerFactory.getLogger(TrackerLink.class);

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

  /** Asks; null when the tracker does not answer, which then is left alone for a time. */
  @Nullable Told ask(ClusterView view, String tracker, Wanted wanted, Set<String> avoid) {
    asks.increment();
    if (tracker.equals(views.self())) {
      Asker asker = new Asker(views.self(), zone, avoid);
      return new Told(
          Optional.of(own.ask(asker, wanted.stripe(), wanted.lost(), wanted.known())), false);
    }
    Ask ask = new Ask(new Sender(views.self(), zone, view.epoch()), avoid, List.of(wanted));
    byte[] bytes = post(view, tracker, "/peer/v1/ask", Wire.write(ask), 0);
    if (bytes == null) {
      return null;
    }
    try {
      AskAnswer answer = Wire.readAskAnswer(bytes);
      if (answer.answers().size() != 1) {
        throw new LarderException(ErrorCode.BAD_REQUEST, "an answer for another question");
      }
      return new Told(answer.answers().getFirst(), views.learn(answer.epoch(), answer.members()));
    } catch (LarderException e) {
      failed(tracker, e);
      return null;
    }
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
    try {
      return client.post(Address.parse(peer.get().address()), path, body, waitMillis);
    } catch (LarderException e) {
      failed(tracker, e);
      return null;
    }
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
    silent.demote(tracker);
  }
}
