package dev.larder.agent.peer;

/**
 * A member's peer door as the list has it; whoever answers there must prove to be that member.
 *
 * @param member its id
 */
record MemberDoor(String member, Address address) {
  static MemberDoor parse(String member, String address) {
    return new MemberDoor(member, Address.parse(address));
  }

  @Override
  public String toString() {
    return address.toString();
  }
}
