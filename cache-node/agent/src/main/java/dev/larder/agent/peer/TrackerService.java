package dev.larder.agent.peer;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.cluster.Peer;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.AskAnswer;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.ReportAnswer;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.tracker.Asker;
import dev.larder.agent.tracker.OwnStripes;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.TrackerDesk;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/** This node's tracker as other members see it. Any thread; nothing waits. */
final class TrackerService {
  private final Cluster cluster;
  private final TrackerDesk desk;
  private final OwnStripes own;
  private final LongAdder asks = new LongAdder();

  TrackerService(Cluster cluster, TrackerDesk desk, OwnStripes own) {
    this.cluster = cluster;
    this.desk = desk;
    this.own = own;
  }

  TrackerDesk desk() {
    return desk;
  }

  /** Stripes asked for by other members. */
  long asks() {
    return asks.sum();
  }

  /** Answers; {@code voice} is by what the member proves to be itself. */
  AskAnswer ask(Ask ask, long voice) {
    ClusterView view = cluster.view();
    Sender sender = ask.sender();
    Asker asker = new Asker(sender.member(), zone(view, sender), ask.avoid(), ask.slow(), voice);
    List<Optional<TrackerDesk.Answer>> answers = new ArrayList<>(ask.wanted().size());
    for (Wanted wanted : ask.wanted()) {
      answers.add(
          isOurs(view, sender.epoch(), asker.zone(), wanted.stripe())
              ? Optional.of(desk.ask(asker, wanted.stripe(), wanted.lost(), wanted.known()))
              : Optional.empty());
    }
    asks.add(answers.size());
    return new AskAnswer(view.epoch(), answers);
  }

  /** Takes a report in; {@code voice} is by what the member proves to be itself. */
  ReportAnswer report(Report report, long voice) {
    Sender sender = report.sender();
    ClusterView view = cluster.view();
    String zone = zone(view, sender);
    List<StripeReport.Standing> standings = new ArrayList<>(report.reports().size());
    for (StripeReport each : report.reports()) {
      standings.add(desk.report(sender.member(), zone, voice, each));
    }
    return new ReportAnswer(view.epoch(), standings);
  }

  /** By the member list, not by its word: zones that nobody is in would be kept for nothing. */
  private static String zone(ClusterView view, Sender sender) {
    Peer known = view.peers().get(sender.member());
    return known == null ? "" : known.zone();
  }

  /**
   * Whoever has this list or a newer one found this node by it, and to look again would cost more
   * than the answer where members are many.
   */
  private boolean isOurs(ClusterView view, long epoch, String zone, StripeId stripe) {
    return epoch >= view.epoch() || own.contains(view.placement(), stripe, zone);
  }
}
