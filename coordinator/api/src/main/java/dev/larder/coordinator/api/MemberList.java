package dev.larder.coordinator.api;

import java.util.List;
import java.util.Map;

/**
 * The members of one epoch, ordered by id. Epochs count up from 0, the empty list.
 *
 * @param handOvers how far members that drain are, by id; the leader's soft knowledge
 */
public record MemberList(long epoch, List<MemberInfo> members, Map<String, HandOver> handOvers) {

  /** Copies the list. */
  public MemberList {
    members = List.copyOf(members);
    handOvers = Map.copyOf(handOvers);
  }

  /** A list alone. */
  public MemberList(long epoch, List<MemberInfo> members) {
    this(epoch, members, Map.of());
  }
}
