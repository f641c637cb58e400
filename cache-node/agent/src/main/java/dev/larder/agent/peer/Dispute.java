package dev.larder.agent.peer;

import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.agent.tracker.StripeReport.Kind;
import dev.larder.agent.tracker.StripeReport.Standing;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells trackers that digests they were told are wrong, and hears who told them. Any thread. */
final class Dispute implements Word {
  private static final Logger log = LoggerFactory.getLogger(Dispute.class);

  private final StripeId stripe;
  private final BlockDigests right;
  private final Consumer<String> liar;

  /**
   * A dispute of one stripe.
   *
   * @param right digests of the blocks in dispute, as this node found them
   * @param liar hears who told wrong ones
   */
  Dispute(StripeId stripe, BlockDigests right, Consumer<String> liar) {
    this.stripe = stripe;
    this.right = right;
    this.liar = liar;
  }

  @Override
  public StripeId stripe() {
    return stripe;
  }

  /** All that the tracker knows of the stripe: a lease that it granted before would be over. */
  @Override
  public boolean isLast() {
    return true;
  }

  @Override
  public StripeReport report(String tracker) {
    return new StripeReport(stripe, Kind.DISPUTED, 0, -1, right);
  }

  @Override
  public void answered(String tracker, @Nullable StripeReport report, @Nullable Standing standing) {
    if (standing != null && !standing.teller().isEmpty()) {
      log.warn("wrong digests were told member={} stripe={}", standing.teller(), stripe);
      liar.accept(standing.teller());
    }
  }
}
