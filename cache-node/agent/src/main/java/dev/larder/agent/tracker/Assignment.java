package dev.larder.agent.tracker;

/** What a tracker answers a member that wants a stripe. */
public sealed interface Assignment {

  /**
   * Fetch it from the origin yourself and report progress.
   *
   * @param lease names the lease in {@link Tracker#progress} and {@link Tracker#end}
   */
  record Lease(long lease) implements Assignment {}

  /** Read it from this member, which has it or is fetching it. */
  record Parent(String member) implements Assignment {}

  /** The tracker knows as many stripes as it may: fetch it from the origin, nobody keeps count. */
  record Untracked() implements Assignment {}
}
