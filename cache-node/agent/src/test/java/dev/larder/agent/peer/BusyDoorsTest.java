package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Records;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** More members ask trackers than their doors keep connections. */
@Timeout(180)
class BusyDoorsTest {
  private static final int SIZE = 20 * MIB;
  private static final int READERS = 12;

  @TempDir Path directory;

  @Test
  void aBurstOverTheBoundOfAsksReadsTheOriginOnce() throws Exception {
    assertOnce(doors(12, 3));
  }

  @Test
  void aBurstOverAllBoundsReadsTheOriginOnce() throws Exception {
    assertOnce(doors(1, 2));
  }

  private void assertOnce(PeerConfig door) throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", SIZE, new Random(1));
      for (int tracker = 0; tracker < 3; tracker++) {
        fleet.add("tracker" + tracker, "", door, Fleet.fillConfig(Duration.ofSeconds(5)));
      }
      for (int reader = 0; reader < READERS; reader++) {
        fleet.add("reader" + reader);
        fleet.weigh("reader" + reader, 0);
      }
      fleet.publish();
      List<Future<Map<BlobRead.Source, Long>>> reads = new ArrayList<>();
      for (int reader = 0; reader < READERS; reader++) {
        reads.add(fleet.reading("reader" + reader, object, ReadIntent.WHOLE));
      }
      for (Future<Map<BlobRead.Source, Long>> read : reads) {
        read.get(120, TimeUnit.SECONDS);
      }
      assertEquals(SIZE, fleet.origin.bytesSent());
    }
  }

  /** A busy door is asked again for seconds; a host without a way to it has none to wait for. */
  @Test
  void noWayToAMemberIsNoBusyDoor() {
    try (PeerClient client = new PeerClient(Fleet.peerConfig(), null)) {
      MemberDoor nowhere = MemberDoor.parse("gone", "255.255.255.255:9");
      LarderException fault =
          assertThrows(
              LarderException.class, () -> client.post(nowhere, "/peer/v1/ask", new byte[0], 0));
      assertEquals(ErrorCode.AGENT_UNAVAILABLE, fault.code());
      assertTrue(fault.getMessage().contains("unreachable"), fault.getMessage());
      assertFalse(PeerClient.isBusy(fault));
    }
  }

  private static PeerConfig doors(int connectionsMax, int askConnectionsMax) {
    return Records.with(
        Fleet.peerConfig(),
        "connectionsMax",
        connectionsMax,
        "askConnectionsMax",
        askConnectionsMax);
  }
}
