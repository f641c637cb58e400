package dev.larder.dist;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.tls.Authority;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * A Kubernetes API server, as far as events of core/v1 go: over TLS, with a service account's token
 * and authority in a directory as kubelet lays them out. It refuses what a real one refuses. Any
 * thread.
 */
final class EventServer implements AutoCloseable {
  private static final Pattern CREATE = Pattern.compile("/api/v1/namespaces/([a-z0-9-]+)/events");
  private static final Pattern PATCH =
      Pattern.compile("/api/v1/namespaces/([a-z0-9-]+)/events/([a-z0-9.-]+)");

  private final ObjectMapper json = new ObjectMapper();
  private final HttpsServer server;
  private final Path account;
  private final Map<String, ObjectNode> events = new LinkedHashMap<>();
  private final List<String> faults = new CopyOnWriteArrayList<>();
  private volatile String token = "";
  private volatile int refusal;
  private volatile int refused;

  private EventServer(HttpsServer server, Path account) {
    this.server = server;
    this.account = account;
  }

  /** Starts one; its authority and the account's files are below a directory. */
  static EventServer start(Path directory) throws Exception {
    Path pki = directory.resolve("pki");
    Authority.open(pki, Clock.systemUTC()).issue("server", Role.COORDINATOR, List.of("127.0.0.1"));
    Path account = Files.createDirectory(directory.resolve("account"));
    Files.copy(pki.resolve("ca.pem"), account.resolve("ca.crt"));
    KeyStore keys = KeyStore.getInstance(KeyStore.getDefaultType());
    keys.load(null, null);
    keys.setKeyEntry(
        "server",
        TlsFiles.privateKey(pki.resolve("server.key")),
        new char[0],
        new Certificate[] {TlsFiles.certificate(pki.resolve("server.pem"))});
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, new char[0]);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(managers.getKeyManagers(), null, null);
    HttpsServer https =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(tls));
    EventServer server = new EventServer(https, account);
    server.renewToken("canary-token-first");
    https.createContext("/", server::serve);
    https.start();
    return server;
  }

  /** The keys that have an agent post here. */
  List<String> settings() {
    return List.of(
        "csi.events-server=https://127.0.0.1:" + server.getAddress().getPort(),
        "csi.events-account=" + account);
  }

  /** Only this token is taken from now on; the account's file has it. */
  void renewToken(String next) throws IOException {
    Path fresh = account.resolve("token.next");
    Files.writeString(fresh, next + "\n");
    Files.move(fresh, account.resolve("token"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    token = next;
  }

  /** Every request is answered with a status from now on; 0 for what is right. */
  void refuse(int status) {
    refusal = status;
  }

  /** Requests that were refused by {@link #refuse}. */
  int refused() {
    return refused;
  }

  /** What a real server would not have taken. */
  List<String> faults() {
    return List.copyOf(faults);
  }

  /** All events as they are now, in the order they were created. */
  List<JsonNode> events() {
    synchronized (events) {
      return new ArrayList<>(events.values());
    }
  }

  /** As an hour does. */
  void expire() {
    synchronized (events) {
      events.clear();
    }
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      int status;
      if (refusal != 0) {
        status = refusal;
        refused++;
      } else {
        status = answer(exchange, body);
      }
      byte[] answer =
          json.createObjectNode()
              .put("kind", "Status")
              .put("message", "answered " + status)
              .toString()
              .getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(status, answer.length);
      exchange.getResponseBody().write(answer);
    } catch (RuntimeException e) {
      faults.add(e.toString());
      throw e;
    }
  }

  private int answer(HttpExchange exchange, byte[] body) throws IOException {
    String authorization = exchange.getRequestHeaders().getFirst("Authorization");
    if (!("Bearer " + token).equals(authorization)) {
      return 401;
    }
    String path = exchange.getRequestURI().getRawPath();
    String type = exchange.getRequestHeaders().getFirst("Content-Type");
    Matcher create = CREATE.matcher(path);
    if (exchange.getRequestMethod().equals("POST") && create.matches()) {
      return create(create.group(1), type, (ObjectNode) json.readTree(body));
    }
    Matcher patch = PATCH.matcher(path);
    if (exchange.getRequestMethod().equals("PATCH") && patch.matches()) {
      return patch(patch.group(1) + "/" + patch.group(2), type, (ObjectNode) json.readTree(body));
    }
    // As its role allows it nothing else.
    faults.add(exchange.getRequestMethod() + " " + path);
    return 403;
  }

  private int create(String namespace, String type, ObjectNode event) {
    JsonNode about = event.path("involvedObject");
    boolean isRight =
        type.equals("application/json")
            && event.path("kind").asText().equals("Event")
            && event.path("apiVersion").asText().equals("v1")
            && event.path("metadata").path("namespace").asText().equals(namespace)
            && about.path("kind").asText().equals("Pod")
            && about.path("namespace").asText().equals(namespace)
            && !about.path("uid").asText().isEmpty()
            && event.path("message").asText().length() <= 1024
            && event.path("reason").asText().matches("[A-Z][A-Za-z]{1,127}")
            && event.path("type").asText().matches("Normal|Warning")
            && isTime(event.path("firstTimestamp"))
            && isTime(event.path("lastTimestamp"))
            && event.path("count").isInt();
    if (!isRight) {
      faults.add(event.toString());
      return 422;
    }
    synchronized (events) {
      String key = namespace + "/" + event.path("metadata").path("name").asText();
      return events.putIfAbsent(key, event) == null ? 201 : 409;
    }
  }

  private int patch(String key, String type, ObjectNode change) {
    if (!type.equals("application/merge-patch+json") || !isTime(change.path("lastTimestamp"))) {
      faults.add(type + " " + change);
      return 422;
    }
    synchronized (events) {
      ObjectNode event = events.get(key);
      if (event == null) {
        return 404;
      }
      // Who reads it meanwhile has the former one.
      ObjectNode next = event.deepCopy();
      next.setAll(change);
      events.put(key, next);
      return 200;
    }
  }

  private static boolean isTime(JsonNode node) {
    return node.asText().matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ");
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
