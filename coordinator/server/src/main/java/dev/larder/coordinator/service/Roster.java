package dev.larder.coordinator.service;

import dev.larder.coordinator.raft.RaftEvents;
import org.jspecify.annotations.Nullable;

/**
 * Passes the group's events on to those who are made after the group: what comes before is asked
 * for by them. Any thread.
 */
public final class Roster implements RaftEvents {
  private volatile @Nullable EpochNotices notices;
  private volatile @Nullable MemberKeeper keeper;

  /** Tells these from now on. */
  public void tell(EpochNotices toNotices, MemberKeeper toKeeper) {
    notices = toNotices;
    keeper = toKeeper;
  }

  @Override
  public void epoch(long epoch) {
    EpochNotices told = notices;
    if (told != null) {
      told.changed(epoch);
    }
  }

  @Override
  public void work(long version) {
    EpochNotices told = notices;
    if (told != null) {
      told.workChanged(version);
    }
  }

  @Override
  public void leads(boolean leads) {
    MemberKeeper told = keeper;
    if (told != null) {
      told.leads(leads);
    }
  }
}
