package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The address a node is reached by, found by the way to its coordinators. */
class PeerAddressTest {
  // No name has a label of more than 63 characters, so nobody is asked for it.
  private static final String UNKNOWN = "x".repeat(64) + ".invalid:7452";

  @Test
  void aCoordinatorWhoseNameIsUnknownIsPassedOver() {
    assertEquals(Optional.of("127.0.0.1"), PeerAddress.ownHost(List.of(UNKNOWN, "127.0.0.1:7452")));
    assertEquals(Optional.of("127.0.0.1"), PeerAddress.ownHost(List.of("127.0.0.1:7452", UNKNOWN)));
  }

  @Test
  void withoutAnyNameThereIsNone() {
    assertEquals(Optional.empty(), PeerAddress.ownHost(List.of(UNKNOWN, UNKNOWN)));
    assertEquals(Optional.empty(), PeerAddress.ownHost(List.of()));
  }
}
