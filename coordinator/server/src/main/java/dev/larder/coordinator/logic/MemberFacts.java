package dev.larder.coordinator.logic;

import java.util.List;

/**
 * Members as they are now.
 *
 * @param members ordered by id
 * @param unpublished whether something changed that no epoch says yet
 */
public record MemberFacts(List<Fact> members, boolean unpublished) {
  /** Copies the list. */
  public MemberFacts {
    members = List.copyOf(members);
  }

  /**
   * One member.
   *
   * @param stable whether it was once found to be there long enough to track
   */
  public record Fact(String id, boolean stable) {}
}
