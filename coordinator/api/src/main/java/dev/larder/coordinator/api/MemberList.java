package dev.larder.coordinator.api;

import java.util.List;

/** The members of one epoch, ordered by id. Epochs count up from 0, the empty list. */
public record MemberList(long epoch, List<MemberInfo> members) {

  /** Copies the list. */
  public MemberList {
    members = List.copyOf(members);
  }
}
