package dev.larder.coordinator.api;

/**
 * The cause of a COORDINATOR_UNAVAILABLE that another coordinator would not have given: the leader,
 * as far as the answering one knows. Asking there may help at once.
 */
public final class NotLeader extends Exception {
  private static final long serialVersionUID = 1L;

  private final String address;

  /** Names the leader's door, host:port; empty where it is not known. */
  public NotLeader(String address) {
    super(address.isEmpty() ? "no leader is known" : "the leader is at " + address);
    this.address = address;
  }

  /** The leader's door, host:port; empty where it is not known. */
  public String address() {
    return address;
  }
}
