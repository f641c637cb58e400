package dev.larder.coordinator;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/**
 * Addresses under which callers reach coordinators, each of which can go black as that of a host
 * that vanished: what is sent on standing connections is never answered, and a new connection is
 * neither taken nor refused.
 */
final class Fronts implements AutoCloseable {
  private static final int BACKLOG = 1;
  private static final int FILL_MAX = 16;
  private static final int FILL_MILLIS = 300;

  private final Map<String, Front> fronts = new TreeMap<>();

  /** The address of one whose door is elsewhere. */
  String before(String id, String door) throws IOException {
    Front front = fronts.get(id);
    if (front == null) {
      front = new Front(door);
      fronts.put(id, front);
    }
    return front.address();
  }

  /** Addresses of all. */
  List<String> addresses() {
    return fronts.values().stream().map(Front::address).toList();
  }

  String address(String id) {
    return front(id).address();
  }

  /** Nothing gets through any more, and nobody is told. */
  void blacken(String id) throws IOException {
    front(id).blacken();
  }

  private Front front(String id) {
    Front front = fronts.get(id);
    if (front == null) {
      throw new IllegalArgumentException(id + " has no front");
    }
    return front;
  }

  @Override
  public void close() throws IOException {
    for (Front front : fronts.values()) {
      front.close();
    }
  }

  private static final class Front {
    private final InetSocketAddress door;
    private final ServerSocket server;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private volatile boolean isBlack;
    private volatile boolean isClosed;

    Front(String door) throws IOException {
      int colon = door.lastIndexOf(':');
      this.door =
          new InetSocketAddress(
              door.substring(0, colon), Integer.parseInt(door.substring(colon + 1)));
      this.server = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
      Thread.ofPlatform().daemon().name("front-" + door).start(this::accept);
    }

    String address() {
      return "127.0.0.1:" + server.getLocalPort();
    }

    /**
     * The kernel drops further ones when as many wait as the backlog holds and nobody takes them.
     */
    void blacken() throws IOException {
      isBlack = true;
      List<Socket> fill = new ArrayList<>();
      for (int i = 0; i < FILL_MAX; i++) {
        Socket socket = new Socket();
        fill.add(socket);
        try {
          socket.connect(server.getLocalSocketAddress(), FILL_MILLIS);
        } catch (SocketTimeoutException e) {
          sockets.addAll(fill);
          return;
        }
      }
      sockets.addAll(fill);
      throw new IOException("connections are still taken at " + address());
    }

    private void accept() {
      while (!isClosed) {
        try {
          Socket near = server.accept();
          sockets.add(near);
          if (isBlack) {
            // The accept that was waiting already; no further one is made.
            awaitEnd();
            return;
          }
          Socket far = new Socket();
          try {
            far.connect(door);
          } catch (IOException e) {
            // The coordinator is not there: as a host says whose process is gone.
            near.setSoLinger(true, 0);
            near.close();
            continue;
          }
          sockets.add(far);
          Thread.ofVirtual().start(() -> pump(near, far));
          Thread.ofVirtual().start(() -> pump(far, near));
        } catch (IOException e) {
          if (!isClosed) {
            throw new AssertionError("the front of " + door + " broke", e);
          }
        }
      }
    }

    private void pump(Socket in, Socket out) {
      byte[] buffer = new byte[64 << 10];
      try {
        int count = in.getInputStream().read(buffer);
        while (count >= 0) {
          if (isBlack) {
            awaitEnd();
          }
          out.getOutputStream().write(buffer, 0, count);
          count = in.getInputStream().read(buffer);
        }
      } catch (IOException e) {
        // One of both ended.
      } finally {
        if (isBlack) {
          awaitEnd();
        }
        closeBoth(in, out);
      }
    }

    private void awaitEnd() {
      while (!isClosed) {
        LockSupport.parkNanos(2_000_000);
      }
    }

    private void closeBoth(Socket in, Socket out) {
      try (in;
          out) {
        sockets.removeAll(List.of(in, out));
      } catch (IOException e) {
        throw new AssertionError("a socket of a front does not close", e);
      }
    }

    void close() throws IOException {
      isClosed = true;
      server.close();
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }
}
