package dev.larder.coordinator.api;

/** What a member does for the others. All states read. */
public enum MemberState {
  /** Too new to track: it may be gone again in seconds. */
  JOINING,
  /** Tracks stripes by its weight. */
  ACTIVE,
  /** Is to leave and tracks nothing any more. */
  DRAINING
}
