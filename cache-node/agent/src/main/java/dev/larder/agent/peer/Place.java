package dev.larder.agent.peer;

/** What this node is to a tracker of one stripe; guarded by the stripe's share. */
final class Place {
  /*
   * A stripe has a tracker in the node's zone and one over all zones. Who gets the zone's
   * lease asks the other one, too, and who gets that one's asks the rank behind it: a tracker that is
   * new, or came back, knows nothing, and the rank behind it is who tracked the stripe before, or
   * will when it goes. So there may be three places, in that order. The last one says from whom the
   * stripe is read; digests are told where a lease is held and taken where a parent was named. A
   * place that is lost is not asked for again while the others are enough to go on by.
   *
   * No circles. Who holds a lease goes on to a tracker behind the one that gave it, never back: along
   * a way from reader to parent the trackers' places only grow. The rank behind must not be the
   * tracker of another zone, where leases are granted to those who come here next.
   */

  final String tracker;

  /** 0 for a reader. */
  final long lease;

  /** Whether it never was asked, so that nothing was heard from it. */
  final boolean isUnasked;

  /** Blocks whose digests it was told. */
  long told;

  private Place(String tracker, long lease, boolean isUnasked) {
    this.tracker = tracker;
    this.lease = lease;
    this.isUnasked = isUnasked;
  }

  /** One that answered. */
  static Place asked(String tracker, long lease) {
    return new Place(tracker, lease, false);
  }

  /** To be told that the stripe is here; its digests only under a lease, asked for before. */
  static Place unasked(String tracker) {
    return new Place(tracker, 0, true);
  }
}
