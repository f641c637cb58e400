package dev.larder.agent.fill;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The runs of one blob at work. One thread at a time; {@link BlobFill} locks. */
final class ActiveRuns {
  private final BlobPlan plan;
  private final Map<Long, RunTransfer> byFirstBlock = new HashMap<>();
  private final Map<Long, Long> unwantedSince = new HashMap<>();
  private boolean isAheadPaused;
  private long pausedUntilNanos;

  ActiveRuns(BlobPlan plan) {
    this.plan = plan;
  }

  void add(RunTransfer transfer) {
    plan.started(transfer.blockRun());
    byFirstBlock.put(transfer.blockRun().firstBlock(), transfer);
  }

  void remove(RunTransfer transfer) {
    BlockRun run = transfer.blockRun();
    plan.ended(run);
    byFirstBlock.remove(run.firstBlock());
    unwantedSince.remove(run.firstBlock());
  }

  boolean isEmpty() {
    return byFirstBlock.isEmpty();
  }

  /** The run that brings in a block. */
  @Nullable RunTransfer of(long block) {
    return plan.runOf(block).map(run -> byFirstBlock.get(run.firstBlock())).orElse(null);
  }

  void cancelAll() {
    byFirstBlock.values().forEach(RunTransfer::cancel);
  }

  /** Cancels runs that nobody has wanted for a while. */
  void cancelUnwanted(long nowNanos, long lingerNanos) {
    byFirstBlock.forEach((first, transfer) -> {
      if (plan.isWanted(transfer.blockRun())) {
        unwantedSince.remove(first);
      } else if (nowNanos - unwantedSince.computeIfAbsent(first, any -> nowNanos) > lingerNanos) {
        transfer.cancel();
      }
    });
  }

  /** What nobody waits for is not tried again at once after it failed. */
  void pauseAhead(BlockRun failed, long untilNanos) {
    if (failed.priority() != FillPriority.DEMAND) {
      pausedUntilNanos = untilNanos;
      isAheadPaused = true;
    }
  }

  boolean isPaused(BlockRun run, long nowNanos) {
    if (isAheadPaused && nowNanos - pausedUntilNanos >= 0) {
      isAheadPaused = false;
    }
    return isAheadPaused && run.priority() != FillPriority.DEMAND;
  }
}
