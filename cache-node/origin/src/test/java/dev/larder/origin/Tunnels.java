package dev.larder.origin;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A proxy on loopback that lets nothing out: what is sent to a host a test plays goes to the test's
 * server, all else is refused and remembered. Any thread.
 */
final class Tunnels implements AutoCloseable {
  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final Map<String, Integer> played;
  private final List<String> refused = new CopyOnWriteArrayList<>();
  private final List<String> taken = new CopyOnWriteArrayList<>();
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

  /**
   * @param played ports of the test's servers by {@code host:port}
   */
  Tunnels(Map<String, Integer> played) throws IOException {
    this.played = played;
    Thread.ofVirtual().start(this::accept);
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  /** Request lines nobody plays. */
  List<String> refused() {
    return List.copyOf(refused);
  }

  /** Request lines that were passed on. */
  List<String> taken() {
    return List.copyOf(taken);
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        sockets.add(socket);
        Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException closed) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      String head = head(socket.getInputStream());
      String line = head.lines().findFirst().orElse("");
      String[] words = line.split(" ");
      boolean connect = words[0].equals("CONNECT");
      String target = connect ? words[1] : URI.create(words[1]).getAuthority();
      Integer port = played.get(target);
      if (port == null) {
        refused.add(line);
        write(socket, "HTTP/1.1 403 no way out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
      }
      taken.add(line);
      try (Socket server = new Socket(InetAddress.getLoopbackAddress(), port)) {
        sockets.add(server);
        if (connect) {
          write(socket, "HTTP/1.1 200 through\r\n\r\n");
        } else {
          write(server, head);
        }
        Thread back = Thread.ofVirtual().start(() -> copy(server, socket));
        copy(socket, server);
        back.join();
      }
    } catch (IOException | InterruptedException oneSideIsGone) {
      // What the client makes of it is the test's business.
    }
  }

  private static void copy(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException oneSideIsGone) {
      // The other direction sees it too.
    }
  }

  private static void write(Socket socket, String text) throws IOException {
    OutputStream out = socket.getOutputStream();
    out.write(text.getBytes(StandardCharsets.ISO_8859_1));
    out.flush();
  }

  private static String head(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("gone");
      }
      head.append((char) next);
    }
    return head.toString();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
