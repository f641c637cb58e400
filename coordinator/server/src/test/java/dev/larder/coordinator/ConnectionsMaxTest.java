package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.Role;
import dev.larder.testkit.Records;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A door that takes so many connections. */
class ConnectionsMaxTest {
  private static final int MAX = 3;
  private static final int UNPROVED_LEAST = 64;
  private static final int OF_A_HOST_PART = 96;

  @TempDir Path data;

  private TestCoordinator coordinator;
  private final List<Socket> silent = new ArrayList<>();

  private void start(int connectionsMax) {
    coordinator =
        TestCoordinator.start(
            data,
            Records.with(TestCoordinator.defaults(), "connectionsMax", connectionsMax),
            Clock.systemUTC());
  }

  @AfterEach
  void end() throws IOException {
    for (Socket each : silent) {
      each.close();
    }
    coordinator.close();
  }

  @Test
  void oneMoreIsClosedAndCountedAndRoomComesBack() throws IOException {
    start(MAX);
    try (CoordinatorClient client = coordinator.grpc(Role.CLIENT)) {
      assertEquals(List.of(), client.datasets());
      connect();
      connect();
      assertEquals(-1, connect().getInputStream().read());
      assertEquals(1, coordinator.server().refused().get("busy"));
      assertEquals(List.of(), client.datasets(), "those that were there go on");

      silent.getFirst().close();
      TestGroup.await("another is taken in its place", this::isTaken);
      assertEquals(List.of(), client.datasets());
    }
  }

  @Test
  void oneHostThatProvesNothingDoesNotKeepOutAnother() throws IOException {
    start(OF_A_HOST_PART * 2 * UNPROVED_LEAST);
    int most = 2 * UNPROVED_LEAST;
    for (int i = 0; i < most; i++) {
      connect("127.0.0.9");
    }
    assertEquals(-1, connect("127.0.0.9").getInputStream().read());
    try (CoordinatorClient client = coordinator.grpc(Role.CLIENT)) {
      assertEquals(List.of(), client.datasets());
    }
  }

  @Test
  void whoProvedItselfCountsAsSuchNoMore() throws IOException {
    List<CoordinatorClient> clients = new ArrayList<>();
    start(2 * UNPROVED_LEAST);
    try {
      for (int i = 0; i < UNPROVED_LEAST + 1; i++) {
        clients.add(coordinator.grpc(Role.CLIENT));
        assertEquals(List.of(), clients.getLast().datasets());
      }
    } finally {
      clients.forEach(CoordinatorClient::close);
    }
  }

  @Test
  void silentOnesMakeRoomAgain() throws IOException {
    start(MAX);
    for (int i = 0; i < MAX; i++) {
      connect();
    }
    for (Socket each : silent) {
      each.setSoTimeout(60_000);
      assertEquals(-1, each.getInputStream().read(), "no handshake, no connection");
    }
    try (CoordinatorClient client = coordinator.grpc(Role.CLIENT)) {
      assertEquals(List.of(), client.datasets());
    }
  }

  private Socket connect() throws IOException {
    return connect("127.0.0.1");
  }

  private Socket connect(String from) throws IOException {
    Socket socket = new Socket();
    silent.add(socket);
    socket.bind(new InetSocketAddress(from, 0));
    int port = coordinator.server().address().getPort();
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    return socket;
  }

  private boolean isTaken() {
    try {
      Socket socket = connect();
      socket.setSoTimeout(200);
      return socket.getInputStream().read() >= 0;
    } catch (SocketTimeoutException e) {
      return true;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
