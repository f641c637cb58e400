package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.AskAnswer;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.tracker.StripeId;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The peer door as its clients see it, good ones and others. */
class PeerDoorTest {
  private static final int SIZE = 3 * MIB + 5;

  @TempDir Path directory;

  @Test
  void servesRangesAndDigestsOfASealedBlob() throws Exception {
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = client(fleet.materialOf("test"))) {
      OriginObject object = sealedOn(fleet, Fleet.peerConfig());
      checkServed(fleet, client, object);
    }
  }

  @Test
  void servesTheSameWithoutTls() throws Exception {
    PeerConfig plain = Fleet.peerConfig(Duration.ofSeconds(8), Duration.ofSeconds(30), true);
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = new PeerClient(plain, null)) {
      OriginObject object = sealedOn(fleet, plain);
      checkServed(fleet, client, object);
    }
  }

  private static void checkServed(Fleet fleet, PeerClient client, OriginObject object) {
    Address to = Address.parse(fleet.node("a").address());
    byte[] content = fleet.origin.content(object);
    for (long[] range : new long[][] {{0, SIZE}, {7, 1}, {MIB - 1, 2}, {SIZE - 1, 1}}) {
      ByteBuffer got = ByteBuffer.allocate((int) range[1]);
      try (MemberRead read = client.open(to, object.key(), range[0], range[1])) {
        while (got.hasRemaining()) {
          assertTrue(read.read(got) > 0);
        }
        assertEquals(-1, read.read(ByteBuffer.allocate(1)));
      }
      assertEquals(ByteBuffer.wrap(content, (int) range[0], (int) range[1]), got.flip());
    }
    SealedDigests digests = client.digests(to, object.key(), 0).orElseThrow();
    assertEquals(Digests.rootOf(ByteBuffer.wrap(content)), Digests.root(SIZE, digests.stripes()));
    assertEquals(digests.stripes().getFirst(), Digests.stripe(digests.blocks()));
    assertTrue(client.digests(to, object.key(), 1).isEmpty());
    assertFault(ErrorCode.BAD_RANGE, () -> client.open(to, object.key(), SIZE - 1, 2).close());
    BlobKey unknown = BlobKey.origin(Digests.ofBytes(new byte[] {1}));
    assertFault(ErrorCode.UNKNOWN_BLOB, () -> client.open(to, unknown, 0, 1).close());
    assertTrue(client.digests(to, unknown, 0).isEmpty());
    // All of that over two connections: one for ranges, one for talk.
    assertEquals(2, fleet.node("a").peers.gauges().get("peer_connections"));
  }

  @Test
  void nobodyButAgentsOfTheClusterGetsIn() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = sealedOn(fleet, Fleet.peerConfig());
      DevCa own = fleet.authority("other-roles-come-from-another-start");
      fleet.material("a", own.material(Role.AGENT));
      for (Role role : new Role[] {Role.CLIENT, Role.COORDINATOR}) {
        assertRefused(fleet, object, own.material(role));
      }
      DevCa foreign = DevCa.create(directory.resolve("foreign"), Clock.systemUTC());
      // It trusts the door, which does not trust it.
      assertRefused(
          fleet,
          object,
          new TlsMaterial(foreign.material(Role.AGENT).keys(), own.material(Role.AGENT).trust()));
      try (PeerClient client = client(own.material(Role.AGENT))) {
        Address to = Address.parse(fleet.node("a").address());
        client.open(to, object.key(), 0, 1).close();
      }
    }
  }

  @Test
  void aMemberThatShowsAnotherRoleIsNotTalkedTo() throws Exception {
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = client(fleet.materialOf("test"))) {
      DevCa own = fleet.authority("roles");
      OriginObject object = sealedOn(fleet, Fleet.peerConfig());
      fleet.material(
          "a", new TlsMaterial(own.material(Role.CLIENT).keys(), fleet.materialOf("test").trust()));
      assertFault(
          ErrorCode.AGENT_UNAVAILABLE,
          () -> client.open(Address.parse(fleet.node("a").address()), object.key(), 0, 1).close());
    }
  }

  @Test
  void whatIsNoRequestOfAMemberIsRefusedAndHarmsNobody() throws Exception {
    PeerConfig plain = Fleet.peerConfig(Duration.ofSeconds(8), Duration.ofSeconds(30), true);
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = new PeerClient(plain, null)) {
      OriginObject object = sealedOn(fleet, plain);
      Address to = Address.parse(fleet.node("a").address());
      Random random = new Random(11);
      byte[] ask =
          Wire.write(
              new Ask(
                  new Sender("x", "", 1),
                  Set.of("y"),
                  List.of(new Wanted(new StripeId(object.key(), 0), "", 0))));
      for (int i = 0; i < 300; i++) {
        byte[] bent = ask.clone();
        bent[random.nextInt(bent.length)] = (byte) random.nextInt();
        byte[] cut = java.util.Arrays.copyOf(bent, random.nextInt(bent.length + 1));
        try {
          client.post(to, random.nextBoolean() ? "/peer/v1/ask" : "/peer/v1/report", cut, 0);
        } catch (LarderException e) {
          assertEquals(ErrorCode.AGENT_UNAVAILABLE, e.code(), e.toString());
        }
      }
      for (String request :
          List.of(
              "GET /peer/v1/blobs/../../etc/passwd HTTP/1.1\r\n\r\n",
              "GET /peer/v1/blobs/sha256:12 HTTP/1.1\r\n\r\n",
              "GET /peer/v1/blobs/" + object.key() + " HTTP/1.1\r\nRange: bytes=0-1,3-4\r\n\r\n",
              "DELETE /peer/v1/blobs/" + object.key() + " HTTP/1.1\r\n\r\n",
              "nonsense\r\n\r\n",
              "POST /peer/v1/ask HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")) {
        String answer = raw(to, request);
        assertTrue(answer.isEmpty() || answer.startsWith("HTTP/1.1 4"), request + " -> " + answer);
      }
      client.open(to, object.key(), 0, 1).close();
    }
  }

  @Test
  void connectionsAndRequestsAreBounded() throws Exception {
    PeerConfig base = Fleet.peerConfig(Duration.ofSeconds(8), Duration.ofSeconds(30), true);
    PeerConfig tight =
        new PeerConfig(
            base.listen(),
            true,
            2,
            1,
            base.buffersMaxBytes(),
            base.bodyMaxBytes(),
            1,
            base.idleTimeout(),
            base.stallTimeout(),
            base.perMemberMax(),
            base.connectTimeout(),
            base.progressDeadline(),
            base.demoteFor(),
            base.stripesMax(),
            base.uploadMax(),
            base.downloadMax());
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = new PeerClient(base, null)) {
      OriginObject object = fleet.origin.add("o", 40 * MIB, new Random(3));
      FleetNode node = fleet.add("a", "", tight, Fleet.fillConfig(Duration.ofSeconds(15)));
      fleet.publish();
      fleet.read(node, object, ReadIntent.WHOLE);
      Fleet.await("sealed", () -> node.isSealed(object));
      Address to = Address.parse(node.address());
      MemberRead first = client.open(to, object.key(), 0, object.sizeBytes());
      assertFault(ErrorCode.TOO_MANY, () -> client.open(to, object.key(), 0, 1).close());
      // Two connections stand; a third is closed at once.
      assertEquals("", raw(to, "GET /peer/v1/blobs/x HTTP/1.1\r\n\r\n"));
      first.close();
      Fleet.await("room", () -> node.peers.gauges().get("peer_requests_open") == 0);
      client.open(to, object.key(), 0, 1).close();
    }
  }

  @Test
  void asksAreAnswered() throws Exception {
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = client(fleet.materialOf("test"))) {
      OriginObject object = sealedOn(fleet, Fleet.peerConfig());
      Ask ask =
          new Ask(
              new Sender("x", "", 0),
              Set.of(),
              List.of(new Wanted(new StripeId(object.key(), 0), "", 0)));
      AskAnswer answer =
          Wire.readAskAnswer(
              client.post(
                  Address.parse(fleet.node("a").address()), "/peer/v1/ask", Wire.write(ask), 0));
      assertEquals(1, answer.epoch());
      assertEquals(List.copyOf(fleet.view().peers().values()), answer.members());
      assertEquals(1, answer.answers().size());
    }
  }

  private static PeerClient client(TlsMaterial material) {
    return new PeerClient(Fleet.peerConfig(), new PeerTls(() -> material));
  }

  private static OriginObject sealedOn(Fleet fleet, PeerConfig config) {
    OriginObject object = fleet.origin.add("o", SIZE, new Random(3));
    FleetNode node = fleet.add("a", "", config, Fleet.fillConfig(Duration.ofSeconds(15)));
    fleet.publish();
    fleet.read(node, object, ReadIntent.WHOLE);
    Fleet.await("sealed", () -> node.isSealed(object));
    return object;
  }

  private static void assertRefused(Fleet fleet, OriginObject object, TlsMaterial material) {
    Address to = Address.parse(fleet.node("a").address());
    try (PeerClient client = client(material)) {
      assertFault(ErrorCode.AGENT_UNAVAILABLE, () -> client.open(to, object.key(), 0, 1).close());
    }
  }

  private static void assertFault(ErrorCode code, Runnable action) {
    assertEquals(code, assertThrows(LarderException.class, action::run).code());
  }

  private static String raw(Address to, String request) throws IOException {
    try (Socket socket = new Socket(to.host(), to.port())) {
      socket.setSoTimeout(10_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      socket.shutdownOutput();
      byte[] answer = new byte[4096];
      int length = socket.getInputStream().read(answer);
      return length < 0 ? "" : new String(answer, 0, length, StandardCharsets.US_ASCII);
    } catch (java.net.SocketException e) {
      return "";
    }
  }
}
