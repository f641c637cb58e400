package dev.larder.agent.peer;

import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Standing;
import dev.larder.agent.tracker.TrackerDesk;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What nodes say to one another about stripes; {@link Wire} gives them their bytes. */
final class Messages {
  private Messages() {}

  /**
   * Who asks or reports.
   *
   * @param epoch of the member list it goes by
   */
  record Sender(String member, String zone, long epoch) {}

  /**
   * One stripe wanted.
   *
   * @param lost whom it was sent to before and found gone or wrong; empty for nobody
   * @param known blocks whose digests it has
   */
  record Wanted(StripeId stripe, String lost, long known) {}

  /** Where to get stripes; whom to avoid, and whom where there is somebody else, as in Asker. */
  record Ask(Sender sender, Set<String> avoid, List<Wanted> wanted, Set<String> slow) {
    /** Of a member to which nobody is slow. */
    Ask(Sender sender, Set<String> avoid, List<Wanted> wanted) {
      this(sender, avoid, wanted, Set.of());
    }
  }

  /**
   * An answer for each stripe wanted; empty for those the member does not track.
   *
   * @param epoch of the member list the tracker goes by
   */
  record AskAnswer(long epoch, List<Optional<TrackerDesk.Answer>> answers) {}

  /**
   * How stripes stand.
   *
   * @param waitMillis how long the answer may be held back while no stripe has new digests
   */
  record Report(Sender sender, int waitMillis, List<StripeReport> reports) {}

  /** An answer for each report; empty for stripes the member does not track. */
  record ReportAnswer(long epoch, List<Standing> standings) {}
}
