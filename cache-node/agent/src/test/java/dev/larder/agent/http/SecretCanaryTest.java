package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.core.read.ListAppender;
import dev.larder.agent.http.RawClient.Response;
import dev.larder.testkit.Fault;
import dev.larder.testkit.FaultyHttpServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * The bearer token in every place of a request, credentials in every place of a dataset's
 * definition: neither shows in an answer, a log line, a metric, the status, or a stored file.
 */
class SecretCanaryTest {
  private static final String TOKEN = DoorFixture.TOKEN;
  private static final String MARK = " -> ";
  private static final String SECRET = "Q2FuYXJ5NDcxMTQ3MTE=";

  @TempDir Path directory;
  private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private final List<String> answers = new ArrayList<>();
  private Level before;
  private FaultyHttpServer origin;
  private WholeNode node;

  @BeforeEach
  void start() throws Exception {
    before = root.getLevel();
    logged.start();
    // What people turn on when they look for a fault, except for what the distribution's log
    // configuration holds back: the AWS SDK writes session tokens.
    root.setLevel(Level.TRACE);
    ((Logger) LoggerFactory.getLogger("software.amazon.awssdk")).setLevel(Level.INFO);
    root.addAppender(logged);
    origin = FaultyHttpServer.start();
    node =
        new WholeNode(
            directory.resolve("data"),
            Map.of("origin.attempts-max", "2", "origin.retry-delay-min", "1ms"));
    Path source = Files.createDirectories(directory.resolve("source"));
    Files.writeString(source.resolve("a.txt"), "hello");
    create("plain", source.toString(), Map.of());
  }

  @AfterEach
  void stop() throws Exception {
    root.detachAppender(logged);
    root.setLevel(before);
    node.close();
    origin.close();
  }

  @Test
  void theTokenShowsNowhere() throws Exception {
    for (Route route : Route.values()) {
      for (String method : route.methods()) {
        for (String place : List.of("x" + TOKEN, encoded(TOKEN), "%zz" + TOKEN)) {
          String target = route.pattern().replace("/**", "/" + place).replace("*", place);
          ask(method, target, "");
          String plain = route.pattern().replace("/**", "/a.txt").replace("*", "plain");
          for (String name :
              List.of("stat", "after", "limit", "recursive", "glob", "stripes", "snapshot", "x")) {
            ask(method, plain + "?" + name + "=" + place, "");
          }
          ask(method, plain + "?" + place + "=1", "");
          for (String body : bodies(place)) {
            ask(method, plain, body);
          }
        }
      }
    }
    for (String field :
        List.of(
            "Range",
            "If-None-Match",
            "If-Match",
            "If-Range",
            "If-Modified-Since",
            "Larder-Intent",
            "Cookie",
            "Origin",
            "Referer",
            "User-Agent",
            "Expect",
            "Content-Type",
            "X-Api-Key")) {
      ask("GET", "/datasets/plain/a.txt", "", field + ": " + TOKEN);
      ask("POST", "/v1/warm", "{\"snapshot\":\"plain\"}", field + ": Bearer " + TOKEN);
    }
    ask("GET", "/v1/status", "", TOKEN + ": 1");
    for (String raw :
        List.of(
            TOKEN + " /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /" + TOKEN + " HTTP/9.9\r\nHost: localhost\r\n\r\n",
            "GET /v1/status HTTP/1.1\r\nHost: " + TOKEN + "\r\n\r\n",
            "GET http://" + TOKEN + "/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic "
                + TOKEN
                + "\r\n\r\n",
            "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x"
                + TOKEN
                + "\r\n\r\n",
            "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n" + TOKEN + "\r\n\r\n",
            TOKEN + "\r\n\r\n",
            "GET /healthz?" + TOKEN + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: "
                + TOKEN.repeat(2000)
                + "\r\n\r\n")) {
      answers.add(raw.substring(0, 20) + show(node.raw(raw, false)));
    }
    check(TOKEN);
  }

  private static Map<String, String> options(String server, String key, String value) {
    Map<String, String> options = new HashMap<>(Map.of("endpoint", server));
    options.put(key, value);
    return options;
  }

  private static List<String> bodies(String place) {
    return List.of(
        "{\"name\":\"%1$s\",\"uri\":\"/x\"}".formatted(place),
        "{\"name\":\"n\",\"uri\":\"%1$s\"}".formatted(place),
        "{\"name\":\"n\",\"uri\":\"/no/such/%1$s\"}".formatted(place),
        "{\"name\":\"n\",\"uri\":\"/tmp\",\"options\":{\"%1$s\":\"1\"}}".formatted(place),
        "{\"name\":\"n\",\"uri\":\"s3://b\",\"options\":{\"credentials\":\"%1$s\"}}"
            .formatted(place),
        "{\"snapshot\":\"%1$s\",\"glob\":\"\"}".formatted(place),
        "{\"snapshot\":\"plain\",\"glob\":\"%1$s\"}".formatted(place),
        "{\"snapshot\":\"plain\",\"glob\":\"{%1$s\"}".formatted(place),
        "{\"%1$s\":1}".formatted(place),
        "%1$s".formatted(place),
        "{\"snapshot\":%1$s".formatted(place));
  }

  @Test
  void credentialsOfOriginsShowNowhere() throws Exception {
    String server = origin.endpoint().toString();
    String authority = origin.endpoint().getAuthority();
    List<String> uris =
        List.of(
            "s3://AKIA:" + SECRET + "@bucket/prefix",
            "s3://bucket/prefix?X-Amz-Signature=" + SECRET,
            "http://user:" + SECRET + "@" + authority + "/x",
            "http://" + SECRET + "@" + authority + "/x",
            server + "/x?sig=" + SECRET,
            server + "/x?X-Amz-Security-Token=" + SECRET + "&X-Amz-Signature=" + SECRET,
            "https://account.blob.core.windows.net/c/p?sv=1&sig=" + SECRET,
            "az://user:" + SECRET + "@container/prefix",
            "abfss://container:" + SECRET + "@account.dfs.core.windows.net/p",
            "ftp://user:" + SECRET + "@host/x",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + SECRET,
            SECRET,
            "password:" + SECRET);
    for (String uri : uris) {
      answers.add(uri + show(tryCreate(uri, Map.of())));
    }
    List<String> keys =
        List.of(
            "credentials",
            "endpoint",
            "region",
            "path-style",
            "account",
            "connection-string",
            "account-key",
            "sas",
            "versions",
            "check-md5",
            "manifest",
            "secret-key",
            "password");
    for (String uri : List.of("s3://bucket/x", server + "/x", "az://container/x", "/tmp")) {
      for (String key : keys) {
        for (String value :
            List.of(SECRET, "AKIA:" + SECRET, "http://u:" + SECRET + "@h/", "sig=" + SECRET)) {
          Response answer = tryCreate(uri, options(server, key, value));
          answers.add(uri + " " + key + "=" + value.length() + show(answer));
        }
      }
    }
    check(SECRET);
  }

  @Test
  void credentialsThatAreUsedShowNowhere() throws Exception {
    String server = origin.endpoint().toString();
    Path keys = secret("keys", "AKIACANARY:" + SECRET + ":token" + SECRET);
    Path bearer = secret("bearer", "Bearer " + SECRET);
    Path key = secret("key", SECRET);
    Path sas = secret("sas", "sv=2024-01-01&sp=rl&sig=" + SECRET);
    Path connection =
        secret(
            "connection",
            "AccountName=acc;AccountKey=" + SECRET + ";BlobEndpoint=" + server + "/acc;");
    origin.put("/x", "hello".getBytes(StandardCharsets.UTF_8), "e1");
    origin.requireAuthorization("Bearer " + SECRET);
    assertEquals(200, tryCreate(server + "/x", Map.of("credentials", "file:" + bearer)).status());
    String name = "d" + created;
    for (Fault fault :
        List.of(
            new Fault.Status(403),
            new Fault.Status(500),
            new Fault.HangUp(),
            new Fault.OtherBytes())) {
      origin.spoil("/x", fault, fault, fault, fault, fault, fault);
      ask("GET", "/datasets/" + name + "/x", "");
      ask("POST", "/v1/datasets/" + name + "/refresh", "");
      ask("GET", "/datasets/" + name + "/x?stat=true", "");
    }
    Map<String, String> options =
        Map.of("endpoint", server, "region", "us-east-1", "credentials", "file:" + keys);
    answers.add(show(tryCreate("s3://bucket/x", options)));
    for (Map.Entry<String, Path> one : Map.of("account-key", key, "sas", sas).entrySet()) {
      answers.add(
          show(
              tryCreate(
                  "az://container/x",
                  Map.of("endpoint", server + "/acc", one.getKey(), "file:" + one.getValue()))));
    }
    answers.add(
        show(tryCreate("az://container/x", Map.of("connection-string", "file:" + connection))));
    check(SECRET);
  }

  private void check(String canary) throws Exception {
    for (String target :
        List.of("/metrics", "/v1/status", "/v1/datasets", "/v1/jobs", "/v1/pins", "/readyz")) {
      Response answer = node.exchange("GET", target, "");
      assertEquals(200, answer.status(), target);
      answers.add(target + show(answer));
    }
    assertTrue(answers.size() > 20, "asked: " + answers.size());
    List<String> shown = new ArrayList<>();
    for (String answer : answers) {
      if (answer.substring(answer.indexOf(MARK)).contains(canary)) {
        shown.add(answer);
      }
    }
    assertFalse(logged.list.isEmpty(), "nothing was logged at all");
    for (ILoggingEvent event : List.copyOf(logged.list)) {
      StringBuilder line = new StringBuilder(event.getLoggerName());
      line.append(": ").append(event.getFormattedMessage());
      for (IThrowableProxy t = event.getThrowableProxy(); t != null; t = t.getCause()) {
        line.append(": ").append(t.getMessage());
      }
      if (line.indexOf(canary) >= 0) {
        shown.add(line.toString());
      }
    }
    node.services.close();
    try (Stream<Path> stored = Files.walk(directory.resolve("data"))) {
      for (Path file : stored.filter(Files::isRegularFile).toList()) {
        if (Files.readString(file, StandardCharsets.ISO_8859_1).contains(canary)) {
          shown.add(file.toString());
        }
      }
    }
    assertEquals(List.of(), shown.stream().limit(20).toList(), () -> String.join("\n", shown));
  }

  private void ask(String method, String target, String body, String... headers)
      throws IOException {
    Response answer = node.exchange(method, target, body, headers);
    answers.add(method + " " + target + " " + body + show(answer));
  }

  /** The answer, behind a mark that separates it from what was asked. */
  private static String show(Response answer) {
    return MARK + answer.status() + answer.headers() + answer.text();
  }

  private int created;

  private Response tryCreate(String uri, Map<String, String> options) throws IOException {
    return create("d" + ++created, uri, options);
  }

  private Response create(String name, String uri, Map<String, String> options) throws IOException {
    String json =
        Json.object()
            .put("name", name)
            .put("uri", uri)
            .set("options", Json.mapper().valueToTree(options))
            .toString();
    return node.exchange("POST", "/v1/datasets", json);
  }

  private Path secret(String name, String content) throws IOException {
    return Files.writeString(directory.resolve(name), content);
  }

  private static String encoded(String text) {
    StringBuilder all = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.US_ASCII)) {
      all.append("%%%02X".formatted(b));
    }
    return all.toString();
  }
}
