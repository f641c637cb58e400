package dev.larder.protocol.placement;

/**
 * A member as placement sees it.
 *
 * @param id stable identity; survives restarts
 * @param zone where it stands, empty when unknown
 * @param weight its share against others, such as its capacity in GiB; 0 tracks nothing (a
 *     newcomer, a member that drains)
 */
public record PlacedMember(String id, String zone, long weight) {
  /** Checks that the id is not empty and the weight not negative. */
  public PlacedMember {
    if (id.isEmpty() || weight < 0) {
      throw new IllegalArgumentException("member \"" + id + "\" of weight " + weight);
    }
  }
}
