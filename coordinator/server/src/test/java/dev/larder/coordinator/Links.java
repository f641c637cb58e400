package dev.larder.coordinator;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/**
 * The network between coordinators: one door for each of them and each whom it calls, so that a
 * direction between two can be cut. What is sent meanwhile waits, as TCP has it, and arrives late
 * or, where connections are reset, never.
 */
final class Links implements AutoCloseable {
  private static final long LOOK_NANOS = 2_000_000;

  private final Map<String, Door> doors = new ConcurrentHashMap<>();
  private final Set<String> cuts = ConcurrentHashMap.newKeySet();
  private final Set<String> used = ConcurrentHashMap.newKeySet();
  private volatile boolean isClosed;

  /** Opens the doors. */
  void between(SortedMap<String, String> raft) throws IOException {
    for (String from : raft.keySet()) {
      for (Map.Entry<String, String> to : raft.entrySet()) {
        if (!from.equals(to.getKey())) {
          doors.put(way(from, to.getKey()), new Door(from, to.getKey(), to.getValue()));
        }
      }
    }
  }

  /** The addresses by which one calls the others. */
  SortedMap<String, String> seenBy(String from, SortedMap<String, String> peers) {
    SortedMap<String, String> seen = new TreeMap<>();
    peers.forEach((id, address) -> {
      Door door = doors.get(way(from, id));
      seen.put(id, door == null ? address : "127.0.0.1:" + door.server.getLocalPort());
    });
    return seen;
  }

  /** Nothing that one sends arrives at the other any more. */
  void cut(String from, String to) {
    cuts.add(way(from, to));
  }

  /** All is let through again, after a reset of what stood or with what waited. */
  void heal(boolean reset) {
    if (reset) {
      doors.values().forEach(Door::reset);
    }
    cuts.clear();
  }

  /** Ways on which bytes went: two for each pair where all goes through here. */
  int waysUsed() {
    return used.size();
  }

  private static String way(String from, String to) {
    return from + ">" + to;
  }

  @Override
  public void close() throws IOException {
    isClosed = true;
    cuts.clear();
    for (Door door : doors.values()) {
      door.server.close();
      door.reset();
    }
  }

  private final class Door {
    private final String from;
    private final String to;
    private final String host;
    private final int port;
    private final ServerSocket server;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();

    Door(String from, String to, String address) throws IOException {
      this.from = from;
      this.to = to;
      this.host = address.substring(0, address.lastIndexOf(':'));
      this.port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
      this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
      Thread.ofVirtual().start(this::accept);
    }

    void reset() {
      for (Socket each : sockets) {
        close(each);
      }
      sockets.clear();
    }

    private void accept() {
      while (!isClosed) {
        try {
          Socket near = server.accept();
          Thread.ofVirtual().start(() -> connect(near));
        } catch (IOException e) {
          if (!isClosed) {
            throw new UncheckedIOException(e);
          }
        }
      }
    }

    private void connect(Socket near) {
      sockets.add(near);
      // A call needs both directions.
      awaitOpen(way(from, to));
      awaitOpen(way(to, from));
      Socket far;
      try {
        far = new Socket(host, port);
      } catch (IOException e) {
        // The other one is not there.
        close(near);
        return;
      }
      sockets.add(far);
      Thread.ofVirtual().start(() -> pump(near, far, way(from, to)));
      Thread.ofVirtual().start(() -> pump(far, near, way(to, from)));
    }

    private void pump(Socket in, Socket out, String way) {
      byte[] buffer = new byte[64 << 10];
      try {
        int count = in.getInputStream().read(buffer);
        while (count >= 0) {
          awaitOpen(way);
          out.getOutputStream().write(buffer, 0, count);
          used.add(way);
          count = in.getInputStream().read(buffer);
        }
      } catch (IOException e) {
        // One of both ended, or all were reset.
      } finally {
        awaitOpen(way);
        close(in);
        close(out);
        sockets.removeAll(List.of(in, out));
      }
    }

    private void awaitOpen(String way) {
      while (cuts.contains(way) && !isClosed) {
        LockSupport.parkNanos(LOOK_NANOS);
      }
    }

    private void close(Socket socket) {
      try {
        socket.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Cuts both directions between one and each of the others. */
  void isolate(String id, List<String> others) {
    for (String other : new ArrayList<>(others)) {
      cut(id, other);
      cut(other, id);
    }
  }
}
