package dev.larder.csi;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Kubernetes API server, as far as events go: creates and patches them with the token of this
 * process's service account, over TLS that trusts the account's authority alone. One thread.
 */
final class ApiServer implements EventSink {
  private static final Logger log = LoggerFactory.getLogger(ApiServer.class);
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(10);
  private static final int ANSWER_BYTES_MAX = 256 << 10;
  private static final int FILE_BYTES_MAX = 1 << 20;
  private static final int SAID_MAX = 200;
  // What a header takes; anything else would come back in the message of a fault.
  private static final Pattern TOKEN = Pattern.compile("[\\x21-\\x7e]{1,65536}");

  private final URI server;
  private final Path account;
  private final String component;
  private final String node;
  private final ObjectMapper json = new ObjectMapper();
  private final ExecutorService handlers =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("csi-events-", 0).factory());
  private @Nullable HttpClient client;
  private FileTime trustedSince = FileTime.from(Instant.EPOCH);
  private String said = "";

  /**
   * A server.
   *
   * @param component who speaks, as events say it
   */
  ApiServer(URI server, Path account, String component, String node) {
    this.server = server;
    this.account = account;
    this.component = component;
    this.node = node;
  }

  /** Where the configuration or the environment of a container says it is; empty where neither. */
  static Optional<URI> find(EventsConfig config, Map<String, String> environment) {
    if (!config.on()) {
      return Optional.empty();
    }
    if (!config.server().isEmpty()) {
      return Optional.of(URI.create(config.server()));
    }
    String host = environment.getOrDefault("KUBERNETES_SERVICE_HOST", "");
    String port = environment.getOrDefault("KUBERNETES_SERVICE_PORT", "443");
    if (host.isEmpty() || !Files.exists(Path.of(config.account()).resolve("token"))) {
      return Optional.empty();
    }
    String named = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    return Optional.of(URI.create("https://" + named + ":" + port));
  }

  @Override
  public Answer create(PodEvent event) {
    ObjectNode root = json.createObjectNode().put("apiVersion", "v1").put("kind", "Event");
    root.putObject("metadata").put("name", event.name()).put("namespace", event.pod().namespace());
    root.putObject("involvedObject")
        .put("apiVersion", "v1")
        .put("kind", "Pod")
        .put("namespace", event.pod().namespace())
        .put("name", event.pod().name())
        .put("uid", event.pod().uid());
    root.put("type", "Warning").put("reason", event.reason());
    root.putObject("source").put("component", component).put("host", node);
    root.put("reportingComponent", component).put("reportingInstance", node);
    root.put("firstTimestamp", seconds(event.first()));
    changing(root, event);
    return send("POST", events(event), "application/json", root);
  }

  @Override
  public Answer update(PodEvent event) {
    ObjectNode root = json.createObjectNode();
    changing(root, event);
    String path = events(event) + "/" + event.name();
    return send("PATCH", path, "application/merge-patch+json", root);
  }

  private static void changing(ObjectNode root, PodEvent event) {
    root.put("message", event.message())
        .put("lastTimestamp", seconds(event.last()))
        .put("count", Math.min(event.count(), Integer.MAX_VALUE));
  }

  private static String seconds(Instant time) {
    return time.truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** Namespace and name were checked when kubelet said them. */
  private static String events(PodEvent event) {
    return "/api/v1/namespaces/" + event.pod().namespace() + "/events";
  }

  private Answer send(String method, String path, String type, ObjectNode body) {
    try {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(server.toString().replaceAll("/+$", "") + path))
              .timeout(CALL_TIMEOUT)
              .header("Authorization", "Bearer " + token())
              .header("Content-Type", type)
              .header("Accept", "application/json")
              .method(method, HttpRequest.BodyPublishers.ofByteArray(json.writeValueAsBytes(body)))
              .build();
      HttpResponse<String> answer = send(request);
      return answer(method, answer.statusCode(), answer.body());
    } catch (JsonProcessingException e) {
      throw new LarderException(ErrorCode.INTERNAL, "cannot write an event", e);
    } catch (IOException | GeneralSecurityException | TimeoutException e) {
      say("the API server cannot be reached: " + e);
      return Answer.LATER;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Answer.LATER;
    }
  }

  private HttpResponse<String> send(HttpRequest request)
      throws IOException, GeneralSecurityException, TimeoutException, InterruptedException {
    CompletableFuture<HttpResponse<String>> answer =
        client()
            .sendAsync(
                request,
                HttpResponse.BodyHandlers.limiting(
                    HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8), ANSWER_BYTES_MAX));
    try {
      // The request's own timeout ends with the head of the answer.
      return answer.get(CALL_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException fault ? fault : new IOException(e.getCause());
    } finally {
      answer.cancel(true);
    }
  }

  private Answer answer(String method, int status, String body) {
    if (status == 200 || status == 201 || (status == 409 && method.equals("POST"))) {
      said = "";
      return Answer.DONE;
    }
    if (status == 404 && method.equals("PATCH")) {
      return Answer.GONE;
    }
    String text = method + " was answered " + status + " " + message(body);
    return switch (status) {
      case 400, 404, 405, 409, 413, 415, 422 -> {
        log.warn("an event of a pod is not taken: {}", text);
        yield Answer.REFUSED;
      }
      default -> {
        say(text);
        yield Answer.LATER;
      }
    };
  }

  private void say(String what) {
    if (!what.equals(said)) {
      said = what;
      log.warn("events: {}", what);
    }
  }

  private String message(String body) {
    String text = body;
    try {
      text = json.readTree(body).path("message").asText(body);
    } catch (JsonProcessingException e) {
      log.debug("an answer is no JSON: {}", e.toString());
    }
    String clean = VolumeIds.printable(text);
    return clean.length() > SAID_MAX ? clean.substring(0, SAID_MAX) + "…" : clean;
  }

  /** As it is now: kubelet renews it every hour. */
  private String token() throws IOException {
    String token = new String(read("token"), StandardCharsets.US_ASCII).strip();
    if (!TOKEN.matcher(token).matches()) {
      throw new IOException("the file token of the service account holds no token");
    }
    return token;
  }

  private byte[] read(String file) throws IOException {
    try (var in = Files.newInputStream(account.resolve(file))) {
      return in.readNBytes(FILE_BYTES_MAX);
    }
  }

  /** One that trusts the authority as it is now. */
  private HttpClient client() throws IOException, GeneralSecurityException {
    FileTime changed = Files.getLastModifiedTime(account.resolve("ca.crt"));
    HttpClient now = client;
    if (now != null && changed.equals(trustedSince)) {
      return now;
    }
    HttpClient next =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT)
            .followRedirects(HttpClient.Redirect.NEVER)
            .proxy(HttpClient.Builder.NO_PROXY)
            .executor(handlers)
            .sslContext(trust(read("ca.crt")))
            .build();
    if (now != null) {
      now.shutdownNow();
    }
    client = next;
    trustedSince = changed;
    return next;
  }

  private static SSLContext trust(byte[] authorities) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    int count = 0;
    for (Certificate each :
        CertificateFactory.getInstance("X.509")
            .generateCertificates(new java.io.ByteArrayInputStream(authorities))) {
      store.setCertificateEntry("ca-" + count++, each);
    }
    TrustManagerFactory managers =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    return context;
  }

  @Override
  public void close() {
    HttpClient now = client;
    if (now != null) {
      now.shutdownNow();
    }
    handlers.shutdownNow();
  }
}
