package dev.larder.origin;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP/1.1 server on loopback whose answers a test writes, every header of them; one whose
 * script gives null is never answered. Any thread.
 */
final class ScriptedServer implements AutoCloseable {
  private final ServerSocket listener;
  private final String scheme;
  private final Function<Seen, @Nullable Answer> script;
  private final List<Seen> seen = new CopyOnWriteArrayList<>();
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

  /**
   * A request that came.
   *
   * @param headers by name, in any case
   */
  record Seen(String method, String target, Map<String, String> headers, String body) {
    String header(String name) {
      return headers.getOrDefault(name, "");
    }
  }

  /**
   * An answer.
   *
   * @param headers where Content-Length is one of them, the rest of the body never comes
   */
  record Answer(int status, Map<String, String> headers, byte[] body) {
    static Answer of(int status, Map<String, String> headers, String body) {
      return new Answer(status, headers, body.getBytes(StandardCharsets.UTF_8));
    }
  }

  ScriptedServer(Function<Seen, @Nullable Answer> script) throws IOException {
    this(new ServerSocket(0, 100, InetAddress.getLoopbackAddress()), "http", script);
  }

  private ScriptedServer(
      ServerSocket listener, String scheme, Function<Seen, @Nullable Answer> script) {
    this.listener = listener;
    this.scheme = scheme;
    this.script = script;
    Thread.ofVirtual().start(this::accept);
  }

  /** One that speaks TLS. */
  static ScriptedServer secure(Keys keys, Function<Seen, @Nullable Answer> script)
      throws IOException, GeneralSecurityException {
    return new ScriptedServer(
        keys.context()
            .getServerSocketFactory()
            .createServerSocket(0, 100, InetAddress.getLoopbackAddress()),
        "https",
        script);
  }

  URI endpoint() {
    return URI.create(scheme + "://127.0.0.1:" + port());
  }

  int port() {
    return listener.getLocalPort();
  }

  List<Seen> seen() {
    return List.copyOf(seen);
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
      InputStream in = new BufferedInputStream(socket.getInputStream());
      OutputStream out = new BufferedOutputStream(socket.getOutputStream());
      for (Seen request = read(in); request != null; request = read(in)) {
        seen.add(request);
        Answer answer = script.apply(request);
        if (answer == null) {
          in.transferTo(OutputStream.nullOutputStream()); // until the client goes away
          return;
        }
        write(request, answer, out);
        if (answer.headers().containsKey("Content-Length")) {
          in.transferTo(OutputStream.nullOutputStream());
          return;
        }
      }
    } catch (IOException clientGone) {
      // What the client makes of it is the test's business.
    } finally {
      sockets.remove(socket);
    }
  }

  private static @Nullable Seen read(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      if (next < 0) {
        return null;
      }
      head.append((char) next);
    }
    String[] lines = head.toString().split("\r\n");
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (int i = 1; i < lines.length; i++) {
      int colon = lines[i].indexOf(':');
      headers.put(lines[i].substring(0, colon), lines[i].substring(colon + 1).strip());
    }
    byte[] body = in.readNBytes(Integer.parseInt(headers.getOrDefault("Content-Length", "0")));
    String[] first = lines[0].split(" ");
    return new Seen(first[0], first[1], headers, new String(body, StandardCharsets.UTF_8));
  }

  private static void write(Seen request, Answer answer, OutputStream out) throws IOException {
    StringBuilder head = new StringBuilder("HTTP/1.1 " + answer.status() + " S\r\n");
    answer.headers().forEach((k, v) -> head.append(k).append(": ").append(v).append("\r\n"));
    if (!answer.headers().containsKey("Content-Length")) {
      head.append("Content-Length: ").append(answer.body().length).append("\r\n");
    }
    head.append("\r\n");
    out.write(head.toString().getBytes(StandardCharsets.ISO_8859_1));
    if (!request.method().equals("HEAD")) {
      out.write(answer.body());
    }
    out.flush();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
