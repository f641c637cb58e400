package dev.larder.agent.peer;

/** What this node is to a tracker of one stripe; guarded by the stripe's share. */
final class Place {
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
