package dev.larder.agent.peer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Stands between members as a firewall does: it passes bytes on both ways, and can forget its
 * connections, which stay open and carry nothing from then on, or close them.
 */
final class Relay implements AutoCloseable {
  private final ServerSocket door;
  private final Address to;
  private final List<Flow> flows = Collections.synchronizedList(new ArrayList<>());

  Relay(Address to) throws IOException {
    this.to = to;
    this.door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  Address address() {
    return new Address("127.0.0.1", door.getLocalPort());
  }

  /** Connections there have been. */
  int accepted() {
    return flows.size();
  }

  /** What stands carries nothing any more, and nobody is told. */
  void forget() {
    List.copyOf(flows).forEach(flow -> flow.isForgotten = true);
  }

  /** What stands is closed. */
  void cut() {
    List.copyOf(flows).forEach(Flow::close);
  }

  @Override
  public void close() throws IOException {
    door.close();
    cut();
  }

  private void accept() {
    while (!door.isClosed()) {
      try {
        Socket near = door.accept();
        Flow flow = new Flow(near, new Socket(to.host(), to.port()));
        flows.add(flow);
        Thread.ofVirtual().start(() -> flow.pump(flow.near, flow.far));
        Thread.ofVirtual().start(() -> flow.pump(flow.far, flow.near));
      } catch (IOException e) {
        if (!door.isClosed()) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private static final class Flow {
    private final Socket near;
    private final Socket far;
    private volatile boolean isForgotten;

    Flow(Socket near, Socket far) {
      this.near = near;
      this.far = far;
    }

    void pump(Socket from, Socket into) {
      byte[] buffer = new byte[64 << 10];
      try {
        int count = from.getInputStream().read(buffer);
        while (count >= 0) {
          if (!isForgotten) {
            into.getOutputStream().write(buffer, 0, count);
          }
          count = from.getInputStream().read(buffer);
        }
      } catch (IOException e) {
        // The other way ended first.
      }
      if (!isForgotten) {
        close();
      }
    }

    void close() {
      try {
        near.close();
        far.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
