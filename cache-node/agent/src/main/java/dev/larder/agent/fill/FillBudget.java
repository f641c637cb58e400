package dev.larder.agent.fill;

/**
 * How much may be in flight on the whole node: runs and bytes. Readers who wait come first: the
 * last quarter of the runs is theirs, and warm-ups get at most half of them and none while a reader
 * waits.
 *
 * <p><b>Threads:</b> one at a time; {@link FillEngine} locks. No I/O, no clock.
 */
final class FillBudget {
  private final int runsMax;
  private final long bytesMax;
  private int runs;
  private int warmRuns;
  private long bytes;

  /**
   * Nothing in flight.
   *
   * @param runsMax {@code fill.parallel-max}
   * @param bytesMax {@code fill.inflight-max}, in bytes; one run is allowed whatever its size
   */
  FillBudget(int runsMax, long bytesMax) {
    if (runsMax < 1 || bytesMax < 1) {
      throw new IllegalArgumentException("runsMax and bytesMax must be positive");
    }
    this.runsMax = runsMax;
    this.bytesMax = bytesMax;
  }

  /**
   * Takes room for a run if there is some.
   *
   * @param isDemandWaiting whether a reader waits for room
   */
  boolean tryStart(FillPriority priority, long runBytes, boolean isDemandWaiting) {
    boolean fits = runs < limit(priority) && (bytes == 0 || bytes + runBytes <= bytesMax);
    boolean yields =
        priority == FillPriority.WARM
            && (isDemandWaiting || (warmRuns > 0 && warmRuns >= runsMax / 2));
    if (!fits || yields) {
      return false;
    }
    runs++;
    bytes += runBytes;
    warmRuns += priority == FillPriority.WARM ? 1 : 0;
    return true;
  }

  /** The run started with this priority is over. */
  void endRun(FillPriority priority) {
    if (runs == 0) {
      throw new IllegalStateException("no run at work");
    }
    runs--;
    warmRuns -= priority == FillPriority.WARM ? 1 : 0;
  }

  /** Bytes of a run are stored, or given up. */
  void endBytes(long runBytes) {
    if (bytes < runBytes) {
      throw new IllegalStateException("fewer bytes in flight than given back");
    }
    bytes -= runBytes;
  }

  int runs() {
    return runs;
  }

  long bytes() {
    return bytes;
  }

  private int limit(FillPriority priority) {
    return priority == FillPriority.DEMAND ? runsMax : Math.max(1, runsMax - runsMax / 4);
  }
}
