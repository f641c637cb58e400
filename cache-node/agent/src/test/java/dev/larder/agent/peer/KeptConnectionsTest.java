package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A connection kept from before that is cut on the way is nobody's fault. */
class KeptConnectionsTest {
  private static final Duration DEADLINE = Duration.ofSeconds(4);
  private static final int SIZE = 3 * MIB + 5;

  @TempDir Path directory;

  @Test
  void whatAForgottenConnectionSwallowsIsAskedAgainOnAFreshOne() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = sealedOnA(fleet);
      try (Relay relay = new Relay(Address.parse(fleet.node("a").address()));
          PeerClient client =
              new PeerClient(config(), new PeerTls(() -> fleet.materialOf("test")))) {
        take(client, relay, object);
        assertTrue(client.digests(through(relay), object.key(), 0, 1, false).isPresent());
        assertEquals(2, relay.accepted(), "one for ranges and one for talk");
        relay.forget();
        long begun = System.nanoTime();
        take(client, relay, object);
        assertTrue(System.nanoTime() - begun < DEADLINE.toNanos(), "not within the deadline");
        begun = System.nanoTime();
        assertTrue(client.digests(through(relay), object.key(), 0, 1, false).isPresent());
        assertTrue(System.nanoTime() - begun < DEADLINE.toNanos(), "not within the deadline");
        assertEquals(4, relay.accepted());
        // The fresh ones are kept now.
        take(client, relay, object);
        assertTrue(client.digests(through(relay), object.key(), 0, 1, false).isPresent());
        assertEquals(4, relay.accepted());
      }
    }
  }

  @Test
  void closedOnesCostNoWaiting() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = sealedOnA(fleet);
      try (Relay relay = new Relay(Address.parse(fleet.node("a").address()));
          PeerClient client =
              new PeerClient(config(), new PeerTls(() -> fleet.materialOf("test")))) {
        take(client, relay, object);
        relay.cut();
        long begun = System.nanoTime();
        take(client, relay, object);
        assertTrue(System.nanoTime() - begun < DEADLINE.toNanos() / 2, "it was waited for");
        assertEquals(2, relay.accepted());
      }
    }
  }

  @Test
  void aMemberThatIsSilentOnAFreshOneTooIsSilent() throws Exception {
    try (ServerSocket mute = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Fleet fleet = new Fleet(directory);
        PeerClient client = new PeerClient(config(true), null)) {
      OriginObject object = fleet.origin.add("o", SIZE, new Random(3));
      MemberDoor to = new MemberDoor("a", new Address("127.0.0.1", mute.getLocalPort()));
      LarderException fault =
          assertThrows(LarderException.class, () -> client.open(to, object.key(), 0, SIZE).close());
      assertEquals(ErrorCode.DEADLINE, fault.code());
    }
  }

  @Test
  void manyWhoQueueForASilentMemberWaitNoLongerThanTheFirst() throws Exception {
    try (ServerSocket mute = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        PeerClient client = new PeerClient(config(true), null)) {
      MemberDoor to = new MemberDoor("a", new Address("127.0.0.1", mute.getLocalPort()));
      List<Thread> askers = new ArrayList<>();
      AtomicInteger unanswered = new AtomicInteger();
      long begun = System.nanoTime();
      for (int i = 0; i < 60; i++) {
        askers.add(
            Thread.ofVirtual()
                .start(() -> {
                  assertThrows(
                      LarderException.class,
                      () -> client.post(to, "/peer/v1/ask", new byte[10], 0));
                  unanswered.incrementAndGet();
                }));
      }
      for (Thread asker : askers) {
        asker.join();
      }
      assertEquals(60, unanswered.get());
      long took = System.nanoTime() - begun;
      assertTrue(took < 2 * DEADLINE.toNanos(), () -> "took ms " + took / 1_000_000);
    }
  }

  @Test
  void aReaderStaysWithItsParentAndTheOriginIsNotAsked() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject first = fleet.origin.add("first", SIZE, new Random(5));
      OriginObject second = fleet.origin.add("second", SIZE, new Random(6));
      for (String id : new String[] {"a", "b"}) {
        fleet.add(id, "", config(), Fleet.fillConfig(Duration.ofSeconds(15)));
      }
      try (Relay relay = new Relay(Address.parse(fleet.node("a").address()))) {
        fleet.moveDoor("a", relay.address().toString());
        // All is tracked by a.
        fleet.weigh("b", 0);
        fleet.publish();
        for (OriginObject object : new OriginObject[] {first, second}) {
          fleet.read(fleet.node("a"), object, ReadIntent.WHOLE);
          Fleet.await("sealed", () -> fleet.node("a").isSealed(object));
        }
        fleet.read(fleet.node("b"), first, ReadIntent.WHOLE);
        int before = relay.accepted();
        assertTrue(before > 0, "b does not read through the relay");
        relay.forget();
        fleet.read(fleet.node("b"), second, ReadIntent.WHOLE);
        assertTrue(relay.accepted() > before, "nothing was asked on a fresh connection");
        assertEquals(2L * SIZE, fleet.node("b").peerBytes());
        assertEquals(0, fleet.node("b").originBytes());
        assertEquals(0, fleet.node("b").peers.counters().get("peer_demotions_total"));
      }
    }
  }

  private OriginObject sealedOnA(Fleet fleet) {
    OriginObject object = fleet.origin.add("o", SIZE, new Random(3));
    FleetNode node = fleet.add("a", "", config(), Fleet.fillConfig(Duration.ofSeconds(15)));
    fleet.publish();
    fleet.read(node, object, ReadIntent.WHOLE);
    Fleet.await("sealed", () -> node.isSealed(object));
    return object;
  }

  private static void take(PeerClient client, Relay relay, OriginObject object) {
    ByteBuffer got = ByteBuffer.allocate(SIZE);
    try (MemberRead read = client.open(through(relay), object.key(), 0, SIZE)) {
      while (got.hasRemaining()) {
        assertTrue(read.read(got) > 0);
      }
    }
  }

  private static PeerConfig config() {
    return config(false);
  }

  private static PeerConfig config(boolean isPlain) {
    return Fleet.peerConfig(DEADLINE, Duration.ofSeconds(30), isPlain);
  }

  private static MemberDoor through(Relay relay) {
    return new MemberDoor("a", relay.address());
  }
}
