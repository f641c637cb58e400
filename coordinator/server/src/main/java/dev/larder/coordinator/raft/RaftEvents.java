package dev.larder.coordinator.raft;

/** Hears of what the group does, from Ratis' threads; must not block. */
public interface RaftEvents {
  /** Nobody listens. */
  RaftEvents NONE =
      new RaftEvents() {
        @Override
        public void epoch(long epoch) {}

        @Override
        public void work(long version) {}

        @Override
        public void leads(boolean leads) {}
      };

  /** A new epoch was applied here. */
  void epoch(long epoch);

  /** Pins and warm-ups of a new version were applied here. */
  void work(long version);

  /** This peer leads, or does no longer. */
  void leads(boolean leads);
}
