package dev.larder.agent.peer;

import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.ReportAnswer;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeReport;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A report whose answer waits for digests, a deadline, or the member's leaving, and leaves nothing
 * behind after any of them.
 *
 * <p><b>Threads:</b> {@link #hold} on the event loop, where the answer is given, too; watchers call
 * from any.
 */
final class HeldReport {
  private static final Logger log = LoggerFactory.getLogger(HeldReport.class);

  private final Channel channel;
  private final TrackerService tracker;
  private final Report again;
  private final Consumer<byte[]> answer;
  private final Runnable wake = this::wake;
  private final ChannelFutureListener gone = closed -> end();
  private final AtomicBoolean isWoken = new AtomicBoolean();
  private @Nullable ScheduledFuture<?> timeout;

  HeldReport(Channel channel, TrackerService tracker, Report report, Consumer<byte[]> answer) {
    this.channel = channel;
    this.tracker = tracker;
    this.answer = answer;
    // The same question, with nothing told: that was taken in already.
    this.again =
        new Report(
            report.sender(),
            0,
            report.reports().stream()
                .map(each ->
                    new StripeReport(
                        each.stripe(),
                        StripeReport.Kind.WATCH,
                        each.lease(),
                        each.known(),
                        BlockDigests.NONE))
                .toList());
  }

  void hold(int millis) {
    again.reports().forEach(each -> tracker.desk().watch(each.stripe(), wake));
    timeout = channel.eventLoop().schedule(wake, millis, TimeUnit.MILLISECONDS);
    channel.closeFuture().addListener(gone);
    // What was told between the report and the watch woke nobody.
    if (tracker.report(again, 0).standings().stream().anyMatch(each -> !each.news().isEmpty())) {
      wake();
    }
  }

  private void wake() {
    if (isWoken.compareAndSet(false, true)) {
      try {
        channel.eventLoop().execute(this::give);
      } catch (RejectedExecutionException e) {
        log.debug("the event loop is over, its connections are closed", e);
      }
    }
  }

  private void give() {
    channel.closeFuture().removeListener(gone);
    end();
    ReportAnswer now = tracker.report(again, 0);
    answer.accept(Wire.write(now));
  }

  private void end() {
    isWoken.set(true);
    ScheduledFuture<?> waiting = timeout;
    if (waiting != null) {
      waiting.cancel(false);
    }
    again.reports().forEach(each -> tracker.desk().unwatch(each.stripe(), wake));
  }
}
