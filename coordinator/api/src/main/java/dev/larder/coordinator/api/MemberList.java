package dev.larder.coordinator.api;

import java.util.List;
import java.util.Map;

/**
 * The members of one epoch, ordered by id. Epochs count up from 0, the empty list.
 *
 * @param handOvers how far members that drain are, by id; the leader's soft knowledge
 * @param usedBytes what members' stores use on disk, by id; the same, of those that said so
 */
public record MemberList(
    long epoch,
    List<MemberInfo> members,
    Map<String, HandOver> handOvers,
    Map<String, Long> usedBytes) {

  /** Copies what it is given. */
  public MemberList {
    members = List.copyOf(members);
    handOvers = Map.copyOf(handOvers);
    usedBytes = Map.copyOf(usedBytes);
  }

  /** A list alone. */
  public MemberList(long epoch, List<MemberInfo> members) {
    this(epoch, members, Map.of(), Map.of());
  }
}
