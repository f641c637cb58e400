package dev.larder.coordinator.api;

import java.util.List;

/**
 * How the list of one epoch becomes that of a later one.
 *
 * @param fromEpoch the list it applies to
 * @param epoch the list it makes
 * @param put members that are new or read differently
 * @param removed ids of members that are gone
 */
public record MemberChange(long fromEpoch, long epoch, List<MemberInfo> put, List<String> removed) {

  /** Copies the lists. */
  public MemberChange {
    put = List.copyOf(put);
    removed = List.copyOf(removed);
  }
}
