package dev.larder.agent.tracker;

/**
 * What a member says of its part in a stripe.
 *
 * @param lease the lease it fetches under; 0 for a reader
 * @param known blocks whose digests it knows already, as {@link BlockDigests#mask}
 * @param told digests it vouches for
 */
public record StripeReport(StripeId stripe, Kind kind, long lease, long known, BlockDigests told) {

  /** How it stands. */
  public enum Kind {
    /** Nothing new of it: it asks for digests. */
    WATCH,
    /** Bytes arrive, or it waits for nothing. */
    PROGRESS,
    /** It has the whole stripe. */
    COMPLETE,
    /** It reads or fetches the stripe no more and does not have it whole. */
    LEFT,
    /** Digests told of it are wrong; those it tells are of the origin, or proved. */
    DISPUTED
  }

  /**
   * What the tracker answers.
   *
   * @param stands whether the lease holds, or the reader is still listed; of a whole stripe,
   *     whether the digests that were told with it are known now
   * @param isLive whether somebody fetches the stripe under a lease, so that digests may follow
   * @param news digests the member did not know
   * @param teller to a dispute: who told what is in dispute; else empty
   */
  public record Standing(boolean stands, boolean isLive, BlockDigests news, String teller) {
    /** To anything but a dispute. */
    public Standing(boolean stands, boolean isLive, BlockDigests news) {
      this(stands, isLive, news, "");
    }
  }
}
