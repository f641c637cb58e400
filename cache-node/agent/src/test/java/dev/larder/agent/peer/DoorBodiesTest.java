package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.peer.Messages.Ask;
import dev.larder.agent.peer.Messages.Sender;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.testkit.Records;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What members' messages may take of the door's memory before they are whole. */
@Timeout(120)
class DoorBodiesTest {
  private static final int HOLDERS = 4;
  private static final int OTHERS = 40;
  private static final byte[] HALF = new byte[MIB / 2];

  @TempDir Path directory;

  @Test
  void bodiesOnTheirWayShareOneBound() throws Exception {
    PeerConfig tight = Records.with(plain(), "bodiesMaxBytes", (long) HOLDERS * HALF.length);
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode node = open(fleet, tight);
      List<Socket> holders = new ArrayList<>();
      List<Socket> others = new ArrayList<>();
      try {
        for (int number = 1; number <= HOLDERS; number++) {
          holders.add(halfSent(node));
          long bytes = (long) number * HALF.length;
          Fleet.await("what came is counted", () -> heldBytes(node) == bytes);
        }
        for (int number = 0; number < OTHERS; number++) {
          others.add(halfSent(node));
        }
        for (Socket each : others) {
          each.getOutputStream().write(HALF);
          String answer = answer(each);
          assertTrue(answer.startsWith("HTTP/1.1 503"), answer);
          assertTrue(answer.contains("peer.bodies-max"), answer);
          assertFalse(answer.contains("connection: close"), answer);
        }
        assertEquals((long) HOLDERS * HALF.length, heldBytes(node));
        assertEquals(0, bodies(node));
        assertEquals(OTHERS, node.peers.counters().get("peer_refused_total"));
        for (Socket each : holders.subList(1, HOLDERS)) {
          each.close();
        }
        Fleet.await("theirs is free", () -> heldBytes(node) == HALF.length);
        // On the connections that were refused, and the one that had room all the time.
        for (Socket each : others) {
          send(each, Wire.write(new Ask(new Sender("x", "", 1), Set.of(), List.of())));
          String answer = answer(each);
          assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
        }
        holders.getFirst().getOutputStream().write(HALF);
        assertTrue(answer(holders.getFirst()).startsWith("HTTP/1.1 400"));
        assertEquals(0, heldBytes(node));
        assertEquals(1 + OTHERS, bodies(node));
      } finally {
        for (Socket each : holders) {
          each.close();
        }
        for (Socket each : others) {
          each.close();
        }
      }
    }
  }

  @Test
  void aBodyThatDoesNotComeIsCutOff() throws Exception {
    PeerConfig impatient = Fleet.peerConfig(Duration.ofMillis(400), Duration.ofSeconds(30), true);
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode node = open(fleet, impatient);
      try (Socket late = halfSent(node)) {
        assertTrue(isClosed(late));
      }
      Fleet.await("its room is free", () -> heldBytes(node) == 0);
      assertEquals(0, bodies(node));
      assertEquals(1, node.peers.counters().get("peer_refused_total"));
    }
  }

  @Test
  void aRequestThatWaitsBehindAnotherKeepsItsRoomNoLonger() throws Exception {
    PeerConfig impatient = Fleet.peerConfig(Duration.ofMillis(400), Duration.ofSeconds(30), true);
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode node = open(fleet, impatient);
      try (Socket twice = connect(node)) {
        // A report that is answered late, as there is no news, and a body behind it.
        Messages.Report held = new Messages.Report(new Sender("x", "", 1), 10_000, List.of());
        byte[] first = Wire.write(held);
        send(twice, "/peer/v1/report", first);
        send(twice, "/peer/v1/ask", new byte[MIB]);
        assertTrue(isClosed(twice));
      }
      Fleet.await("its room is free", () -> heldBytes(node) == 0);
      assertEquals(2, bodies(node));
    }
  }

  @Test
  void whoAsksOnAndReadsNoAnswerIsCutOff() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode node = open(fleet, plain());
      try (Socket deaf = connect(node)) {
        String asks = "DELETE /peer/v1/ask HTTP/1.1\r\nContent-Length: 0\r\n\r\n".repeat(1000);
        // Far more answers than sockets have room for.
        assertThrows(
            IOException.class,
            () -> {
              for (int i = 0; i < 1000; i++) {
                write(deaf, asks);
              }
            });
      }
    }
  }

  @Test
  void roomIsGivenBackHoweverARequestEnds() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode node = open(fleet, plain());
      for (String[] each :
          new String[][] {
            {"POST /peer/v1/ask", "HTTP/1.1 400"},
            {"POST /peer/v1/report", "HTTP/1.1 400"},
            {"POST /elsewhere", "HTTP/1.1 404"},
            {"GET /peer/v1/blobs/x", "HTTP/1.1 400"},
            {"DELETE /peer/v1/ask", "HTTP/1.1 404"}
          }) {
        try (Socket socket = connect(node)) {
          write(socket, each[0] + " HTTP/1.1\r\nContent-Length: " + MIB + "\r\n\r\n");
          socket.getOutputStream().write(new byte[MIB]);
          String answer = answer(socket);
          assertTrue(answer.startsWith(each[1]), each[0] + " -> " + answer);
        }
        assertEquals(0, heldBytes(node), each[0]);
      }
      assertEquals(5, bodies(node));
      for (String[] each :
          new String[][] {
            {"Content-Length: " + (MIB + 1), "HTTP/1.1 413"},
            {"Transfer-Encoding: chunked", "HTTP/1.1 411"}
          }) {
        try (Socket socket = connect(node)) {
          write(socket, "POST /peer/v1/ask HTTP/1.1\r\n" + each[0] + "\r\n\r\n");
          String answer = answer(socket);
          assertTrue(answer.startsWith(each[1]), each[0] + " -> " + answer);
          assertTrue(isClosed(socket));
        }
      }
      assertEquals(5, bodies(node));
    }
  }

  @Test
  void whoIsNoMemberGetsNoRoom() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      DevCa own = fleet.authority("other-roles");
      fleet.material("a", own.agent("a"));
      FleetNode node = open(fleet, Fleet.peerConfig());
      for (Role role : new Role[] {Role.CLIENT, Role.COORDINATOR}) {
        try (Socket socket = secured(node, own.material(role))) {
          // In TLS 1.3 it may speak before it hears that it is refused.
          write(socket, head(MIB));
          socket.getOutputStream().write(HALF);
          assertTrue(isClosed(socket), role.toString());
        } catch (IOException refused) {
          assertTrue(refused.getMessage() != null, refused.toString());
        }
      }
      assertEquals(0, bodies(node));
      assertEquals(0, heldBytes(node));
      try (Socket socket = secured(node, own.agent("x"))) {
        send(socket, new byte[MIB]);
        assertTrue(answer(socket).startsWith("HTTP/1.1 400"));
      }
      assertEquals(1, bodies(node));
    }
  }

  @Test
  void whoIsTrustedNoMoreGetsNoRoomOnAKeptConnection() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      FleetNode node = open(fleet, Fleet.peerConfig());
      try (Socket socket = secured(node, fleet.materialOf("test"))) {
        send(socket, new byte[MIB]);
        String answer = answer(socket);
        assertTrue(answer.startsWith("HTTP/1.1 400"), answer);
        // The door believes another authority from now on, and sees it within its period.
        TlsMaterial next = fleet.authority("next").agent("a");
        fleet.material("a", new TlsMaterial(fleet.materialOf("a").keys(), next.trust()));
        int taken = 1;
        for (; answer.startsWith("HTTP/1.1 400"); taken++) {
          assertEquals(taken, bodies(node));
          send(socket, new byte[MIB]);
          answer = answer(socket);
        }
        assertTrue(answer.startsWith("HTTP/1.1 403"), answer);
        // Between its head and its end the door may have come to know.
        assertTrue(bodies(node) == taken || bodies(node) == taken - 1, taken + " " + bodies(node));
        assertEquals(1, node.peers.counters().get("peer_trust_ended_total"));
        assertTrue(isClosed(socket));
      }
    }
  }

  private static PeerConfig plain() {
    return Fleet.peerConfig(Duration.ofSeconds(8), Duration.ofSeconds(30), true);
  }

  private static FleetNode open(Fleet fleet, PeerConfig config) {
    FleetNode node = fleet.add("a", "", config, Fleet.fillConfig(Duration.ofSeconds(15)));
    fleet.publish();
    return node;
  }

  private static long heldBytes(FleetNode node) {
    return node.peers.gauges().get("peer_bodies_bytes");
  }

  private static long bodies(FleetNode node) {
    return node.peers.counters().get("peer_bodies_total");
  }

  private static Socket connect(FleetNode node) throws IOException {
    Address to = Address.parse(node.address());
    Socket socket = new Socket(to.host(), to.port());
    socket.setSoTimeout(20_000);
    return socket;
  }

  private static Socket secured(FleetNode node, TlsMaterial material) throws IOException {
    Address to = Address.parse(node.address());
    SSLSocket socket =
        (SSLSocket)
            new PeerTls(() -> material)
                .sockets()
                .createSocket(connect(node), to.host(), to.port(), true);
    PeerTls.limit(socket);
    socket.setSoTimeout(20_000);
    return socket;
  }

  private static Socket halfSent(FleetNode node) throws IOException {
    Socket socket = connect(node);
    write(socket, head(MIB));
    socket.getOutputStream().write(HALF);
    return socket;
  }

  private static String head(int length) {
    return "POST /peer/v1/ask HTTP/1.1\r\nContent-Length: " + length + "\r\n\r\n";
  }

  private static void send(Socket socket, byte[] body) throws IOException {
    send(socket, "/peer/v1/ask", body);
  }

  private static void send(Socket socket, String path, byte[] body) throws IOException {
    write(socket, "POST " + path + " HTTP/1.1\r\nContent-Length: " + body.length + "\r\n\r\n");
    socket.getOutputStream().write(body);
  }

  private static void write(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
  }

  /** Head and body of the next answer. */
  private static String answer(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(StandardCharsets.US_ASCII).endsWith("\r\n\r\n")) {
      int next = in.read();
      assertTrue(next >= 0, "closed after \"" + head.toString(StandardCharsets.US_ASCII) + '"');
      head.write(next);
    }
    String text = head.toString(StandardCharsets.US_ASCII);
    String length = text.replaceAll("(?s).*content-length: (\\d+)\r\n.*", "$1");
    byte[] body = in.readNBytes(Integer.parseInt(length));
    return text + new String(body, StandardCharsets.UTF_8);
  }

  private static boolean isClosed(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() < 0;
    } catch (java.net.SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      // Reset, or an alert of TLS.
      return true;
    }
  }
}
