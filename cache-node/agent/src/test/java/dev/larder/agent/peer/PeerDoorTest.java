package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.AskAnswer;
import dev.larder.agent.peer.Messages.Report;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.agent.peer.Messages.Wanted;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.agent.tracker.StripeReport;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Records;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
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
    MemberDoor to = fleet.door("a");
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
    SealedDigests digests = client.digests(to, object.key(), 0, 1, false).orElseThrow();
    assertEquals(Digests.rootOf(ByteBuffer.wrap(content)), Digests.root(SIZE, digests.stripes()));
    assertEquals(digests.stripes().getFirst(), Digests.stripe(digests.blocks()));
    assertTrue(client.digests(to, object.key(), 1, 2, false).isEmpty());
    assertFault(ErrorCode.BAD_RANGE, () -> client.open(to, object.key(), SIZE - 1, 2).close());
    BlobKey unknown = BlobKey.origin(Digests.ofBytes(new byte[] {1}));
    assertFault(ErrorCode.UNKNOWN_BLOB, () -> client.open(to, unknown, 0, 1).close());
    assertTrue(client.digests(to, unknown, 0, 1, false).isEmpty());
    // All of that over two connections: one for ranges, one for talk.
    assertEquals(2, fleet.node("a").peers.gauges().get("peer_connections"));
  }

  @Test
  void nobodyButAgentsOfTheClusterGetsIn() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = sealedOn(fleet, Fleet.peerConfig());
      DevCa own = fleet.authority("other-roles-come-from-another-start");
      fleet.material("a", own.agent("a"));
      for (Role role : new Role[] {Role.CLIENT, Role.COORDINATOR}) {
        assertRefused(fleet, object, own.material(role));
      }
      DevCa foreign = DevCa.create(directory.resolve("foreign"), Clock.systemUTC());
      // It trusts the door, which does not trust it.
      assertRefused(
          fleet, object, new TlsMaterial(foreign.agent("x").keys(), own.agent("x").trust()));
      try (PeerClient client = client(own.agent("x"))) {
        MemberDoor to = fleet.door("a");
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
          () -> client.open(fleet.door("a"), object.key(), 0, 1).close());
    }
  }

  @Test
  void whatIsNoRequestOfAMemberIsRefusedAndHarmsNobody() throws Exception {
    PeerConfig plain = Fleet.peerConfig(Duration.ofSeconds(8), Duration.ofSeconds(30), true);
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = new PeerClient(plain, null)) {
      OriginObject object = sealedOn(fleet, plain);
      MemberDoor to = fleet.door("a");
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
        String answer = raw(to.address(), request);
        assertTrue(answer.isEmpty() || answer.startsWith("HTTP/1.1 4"), request + " -> " + answer);
      }
      client.open(to, object.key(), 0, 1).close();
    }
  }

  @Test
  void connectionsAndRequestsAreBounded() throws Exception {
    PeerConfig base = Fleet.peerConfig(Duration.ofSeconds(8), Duration.ofSeconds(30), true);
    PeerConfig tight = Records.with(base, "connectionsMax", 2, "requestsMax", 1, "eventLoops", 1);
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = new PeerClient(base, null)) {
      OriginObject object = fleet.origin.add("o", 40 * MIB, new Random(3));
      FleetNode node = fleet.add("a", "", tight, Fleet.fillConfig(Duration.ofSeconds(15)));
      fleet.publish();
      fleet.read(node, object, ReadIntent.WHOLE);
      Fleet.await("sealed", () -> node.isSealed(object));
      MemberDoor to = fleet.door("a");
      MemberRead first = client.open(to, object.key(), 0, object.sizeBytes());
      assertFault(ErrorCode.TOO_MANY, () -> client.open(to, object.key(), 0, 1).close());
      // Two connections stand; a third is told so, and closed.
      String busy = raw(to.address(), "GET /peer/v1/blobs/x HTTP/1.1\r\n\r\n");
      assertTrue(busy.startsWith("HTTP/1.1 503") && busy.contains("peer.connections-max"), busy);
      first.close();
      Fleet.await("room", () -> node.peers.gauges().get("peer_requests_open") == 0);
      client.open(to, object.key(), 0, 1).close();
    }
  }

  @Test
  void aMemberIsCutForTakingNothingNotForBeingSlow() throws Exception {
    PeerConfig base = Fleet.peerConfig(Duration.ofSeconds(8), Duration.ofSeconds(30), true);
    PeerConfig impatient = withStallTimeout(base, Duration.ofSeconds(2));
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("o", 24 * MIB, new Random(3));
      FleetNode node = fleet.add("a", "", impatient, Fleet.fillConfig(Duration.ofSeconds(15)));
      fleet.publish();
      fleet.read(node, object, ReadIntent.WHOLE);
      Fleet.await("sealed", () -> node.isSealed(object));
      Address to = Address.parse(node.address());
      try (Socket socket = new Socket()) {
        // Little of it in the kernel, so that the door feels how slow the reader is.
        socket.setReceiveBufferSize(64 << 10);
        socket.connect(new InetSocketAddress(to.host(), to.port()));
        socket.setSoTimeout(20_000);
        socket
            .getOutputStream()
            .write(
                ("GET /peer/v1/blobs/"
                        + object.key()
                        + " HTTP/1.1\r\nHost: a\r\nRange: bytes=0-"
                        + (object.sizeBytes() - 1)
                        + "\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
        // 1 MiB a second: 4 MiB, which the door sends at once, take longer than its patience.
        int read = 0;
        for (int part = 0; part < 10 * 16; part++) {
          int count = socket.getInputStream().readNBytes(64 << 10).length;
          assertEquals(64 << 10, count, "cut after " + read);
          read += count;
          LockSupport.parkNanos(Duration.ofMillis(62).toNanos());
        }
        assertEquals(1, node.peers.gauges().get("peer_requests_open"));
        // Takes no byte more.
        Fleet.await("cut", () -> node.peers.gauges().get("peer_requests_open") == 0);
      }
    }
  }

  private static PeerConfig withStallTimeout(PeerConfig base, Duration stallTimeout) {
    return Records.with(base, "stallTimeout", stallTimeout);
  }

  @Test
  void asksAreAnswered() throws Exception {
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = client(fleet.materialOf("test"))) {
      OriginObject object = sealedOn(fleet, Fleet.peerConfig());
      Ask ask =
          new Ask(
              new Sender("test", "", 0),
              Set.of(),
              List.of(new Wanted(new StripeId(object.key(), 0), "", 0)));
      AskAnswer answer =
          Wire.readAskAnswer(client.post(fleet.door("a"), "/peer/v1/ask", Wire.write(ask), 0));
      assertEquals(1, answer.epoch());
      assertEquals(1, answer.answers().size());
    }
  }

  /** With the member list in it an answer to an old asker was 359 KB long. */
  @Test
  void answersAreAsSmallInALargeCluster() throws Exception {
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = client(fleet.materialOf("test"))) {
      OriginObject object = sealedOn(fleet, Fleet.peerConfig());
      for (int number = 0; number < 10_000; number++) {
        fleet.addForeign("member-" + number, "10.0.0.1:7451", 0);
      }
      fleet.publish();
      Ask ask =
          new Ask(
              new Sender("test", "", 1),
              Set.of(),
              List.of(new Wanted(new StripeId(object.key(), 0), "", -1)));
      byte[] answer = client.post(fleet.door("a"), "/peer/v1/ask", Wire.write(ask), 0);
      assertEquals(2, Wire.readAskAnswer(answer).epoch());
      assertTrue(answer.length < 100, answer.length + " bytes");
    }
  }

  @Test
  void asksAndReportsInAnotherMembersNameAreRefused() throws Exception {
    try (Fleet fleet = new Fleet(directory);
        PeerClient impostor = client(fleet.materialOf("x"));
        PeerClient nobody = client(fleet.authority("nameless").material(Role.AGENT))) {
      OriginObject object = fleet.origin.add("o", SIZE, new Random(3));
      List.of("a", "b").forEach(fleet::add);
      fleet.weigh("b", 0);
      fleet.publish();
      StripeId stripe = new StripeId(object.key(), 0);
      byte[] ask =
          Wire.write(new Ask(new Sender("b", "", 1), Set.of(), List.of(new Wanted(stripe, "", 0))));
      StripeReport has =
          new StripeReport(stripe, StripeReport.Kind.COMPLETE, 0, 0, BlockDigests.NONE);
      byte[] report = Wire.write(new Report(new Sender("b", "", 1), 0, List.of(has)));
      MemberDoor to = fleet.door("a");
      for (int time = 1; time <= 2; time++) {
        assertFault(ErrorCode.UNAUTHENTICATED, () -> impostor.post(to, "/peer/v1/ask", ask, 0));
        assertFault(
            ErrorCode.UNAUTHENTICATED, () -> impostor.post(to, "/peer/v1/report", report, 0));
        assertEquals(2L * time, fleet.node("a").peers.counters().get("peer_foreign_names_total"));
      }
      // Had it been believed, a would send its readers to b.
      fleet.read(fleet.node("a"), object, ReadIntent.WHOLE);
      Fleet.await("sealed", () -> fleet.node("a").isSealed(object));
      assertEquals(0, fleet.node("a").peerBytes());
      fleet.read(fleet.node("b"), object, ReadIntent.WHOLE);
      assertEquals(SIZE, fleet.node("b").peerBytes());
      assertEquals(SIZE, fleet.origin.bytesSent());
      // Who is of another authority does not even come to speak.
      assertFault(ErrorCode.AGENT_UNAVAILABLE, () -> nobody.post(to, "/peer/v1/ask", ask, 0));
    }
  }

  @Test
  void whoAnswersAtAMembersAddressAndIsAnotherIsNotReadFrom() throws Exception {
    try (Fleet fleet = new Fleet(directory);
        PeerClient client = client(fleet.materialOf("test"))) {
      OriginObject object = sealedOn(fleet, Fleet.peerConfig());
      client.open(fleet.door("a"), object.key(), 0, 1).close();
      // Kept connections to a are not used for b either.
      MemberDoor other = new MemberDoor("b", fleet.door("a").address());
      LarderException fault =
          assertThrows(LarderException.class, () -> client.open(other, object.key(), 0, 1).close());
      assertEquals(ErrorCode.AGENT_UNAVAILABLE, fault.code());
      assertTrue(String.valueOf(fault.getMessage()).contains("node \"b\""), fault.getMessage());
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
    MemberDoor to = fleet.door("a");
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
