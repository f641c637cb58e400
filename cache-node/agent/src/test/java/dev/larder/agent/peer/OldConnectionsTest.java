package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.coordinator.api.ConnectionBounds;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Kept connections between members, when they are old or what began them is over. */
@Timeout(120)
class OldConnectionsTest {
  private static final int SIZE = 3 * MIB + 5;
  private static final Duration CERTIFICATE = Duration.ofDays(365);

  @TempDir Path directory;

  @Test
  void aCertificateThatRanOutOpensNothingMoreOnAKeptConnection() {
    Instant end = Instant.now().plusSeconds(6);
    try (Fleet fleet = new Fleet(directory)) {
      DevCa mortal =
          DevCa.create(
              directory.resolve("short"), Clock.fixed(end.minus(CERTIFICATE), ZoneOffset.UTC));
      // The door believes the authority, whose certificates are over at that time.
      TlsMaterial own = fleet.materialOf("a");
      fleet.material("a", new TlsMaterial(own.keys(), mortal.agent("x").trust()));
      AtomicReference<TlsMaterial> shown =
          new AtomicReference<>(new TlsMaterial(mortal.agent("x").keys(), own.trust()));
      OriginObject object = sealedOn(fleet, "a");
      try (PeerClient client = new PeerClient(Fleet.peerConfig(), new PeerTls(shown::get))) {
        MemberDoor to = fleet.door("a");
        readAll(client, to, object);
        readAll(client, to, object);
        assertTrue(Instant.now().isBefore(end), "the machine was too slow for this test");
        assertEquals(1, fleet.node("a").peers.gauges().get("peer_connections"));
        Fleet.await("the certificate ends", () -> Instant.now().isAfter(end));
        LarderException refused =
            assertThrows(
                LarderException.class, () -> client.open(to, object.key(), 0, SIZE).close());
        // Refused on what was kept, and then at a new handshake.
        assertEquals(ErrorCode.AGENT_UNAVAILABLE, refused.code(), refused.toString());
        assertEquals(1, fleet.node("a").peers.counters().get("peer_trust_ended_total"));
        Fleet.await(
            "it is closed", () -> fleet.node("a").peers.gauges().get("peer_connections") == 0);
      }
    }
  }

  @Test
  void anAuthorityThatIsOutIsOutForKeptConnectionsToo() {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = sealedOn(fleet, "a");
      DevCa next = fleet.authority("next");
      TlsMaterial old = fleet.materialOf("test");
      TlsMaterial fresh = next.agent("test");
      AtomicReference<TlsMaterial> shown = new AtomicReference<>(old);
      try (PeerClient client = new PeerClient(Fleet.peerConfig(), new PeerTls(shown::get))) {
        MemberDoor to = fleet.door("a");
        readAll(client, to, object);
        // The door shows what the old one signed, and believes the new one alone.
        fleet.material("a", new TlsMaterial(fleet.materialOf("a").keys(), fresh.trust()));
        Fleet.await("it is out", () -> isRefused(client, to, object));
        // Renewed, with the door of old still believed: no request fails.
        shown.set(new TlsMaterial(fresh.keys(), old.trust()));
        readAll(client, to, object);
      }
    }
  }

  @Test
  void oldConnectionsAreMadeAnewAndNoReaderNotices() {
    ConnectionBounds bounds = new ConnectionBounds(Duration.ofSeconds(2), Duration.ofSeconds(1));
    try (Fleet fleet = new Fleet(directory)) {
      for (String id : List.of("a", "b")) {
        fleet.material(id, fleet.certify(id).bounded(bounds));
        fleet.add(id);
      }
      fleet.weigh("b", 0);
      fleet.publish();
      long until = System.nanoTime() + Duration.ofSeconds(7).toNanos();
      long bytes = 0;
      for (int number = 0; System.nanoTime() < until; number++) {
        OriginObject object = fleet.origin.add("o" + number, SIZE, new Random(number));
        fleet.read(fleet.node("a"), object, ReadIntent.WHOLE);
        fleet.read(fleet.node("b"), object, ReadIntent.WHOLE);
        bytes += SIZE;
      }
      assertEquals(bytes, fleet.node("b").peerBytes(), "some were not read from the member");
      assertEquals(bytes, fleet.origin.bytesSent());
      assertEquals(0, fleet.node("b").engine.counters().peerFaults.sum());
      assertEquals(0, fleet.node("a").peers.counters().get("peer_trust_ended_total"));
    }
  }

  @Test
  void anAnswerIsTheLastOfAConnectionThatIsOldByTheDoorsClock() {
    ConnectionBounds bounds = new ConnectionBounds(Duration.ofSeconds(2), Duration.ofSeconds(1));
    try (Fleet fleet = new Fleet(directory)) {
      fleet.material("a", fleet.certify("a").bounded(bounds));
      OriginObject object = sealedOn(fleet, "a");
      TlsMaterial patient = fleet.materialOf("test");
      try (PeerClient client = new PeerClient(Fleet.peerConfig(), new PeerTls(() -> patient))) {
        MemberDoor to = fleet.door("a");
        readAll(client, to, object);
        long old = System.nanoTime() + Duration.ofSeconds(2).toNanos();
        Fleet.await("it is old", () -> System.nanoTime() - old >= 0);
        readAll(client, to, object);
        Fleet.await(
            "it is closed", () -> fleet.node("a").peers.gauges().get("peer_connections") == 0);
        readAll(client, to, object);
      }
    }
  }

  private static boolean isRefused(PeerClient client, MemberDoor to, OriginObject object) {
    try {
      client.open(to, object.key(), 0, 1).close();
      return false;
    } catch (LarderException e) {
      assertEquals(ErrorCode.AGENT_UNAVAILABLE, e.code(), e.toString());
      return true;
    }
  }

  private static void readAll(PeerClient client, MemberDoor to, OriginObject object) {
    ByteBuffer got = ByteBuffer.allocate(SIZE);
    try (MemberRead read = client.open(to, object.key(), 0, SIZE)) {
      while (got.hasRemaining()) {
        assertTrue(read.read(got) > 0);
      }
      assertEquals(-1, read.read(ByteBuffer.allocate(1)));
    }
  }

  private static OriginObject sealedOn(Fleet fleet, String id) {
    OriginObject object = fleet.origin.add("o", SIZE, new Random(3));
    FleetNode node = fleet.add(id);
    fleet.publish();
    fleet.read(node, object, ReadIntent.WHOLE);
    Fleet.await("sealed", () -> node.isSealed(object));
    return object;
  }
}
