package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.agent.http.RawClient.Response;
import dev.larder.agent.read.ReadRig;
import dev.larder.testkit.FaultyHttpServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole node behind its door: neither event loops nor virtual threads' carriers are held up. */
class WholeNodeTest {
  private static final int LARGE = (20 << 20) + 777;

  @TempDir Path directory;
  private final Map<String, byte[]> files = new TreeMap<>();

  private Path source(String name) throws Exception {
    files.clear();
    Random random = new Random(name.hashCode());
    Path source = directory.resolve("source-" + name);
    for (int i = 0; i < 40; i++) {
      put(source, "small/%02d.txt".formatted(i), 1000 + i, random);
    }
    put(source, "large.bin", LARGE, random);
    put(source, "other.bin", LARGE, random);
    return source;
  }

  private void put(Path source, String path, int size, Random random) throws Exception {
    byte[] content = new byte[size];
    random.nextBytes(content);
    files.put(path, content);
    Files.createDirectories(source.resolve(path).getParent());
    Files.write(source.resolve(path), content);
  }

  @Test
  void noEventLoopWaitsWhateverIsAsked() throws Exception {
    try (WholeNode node = new WholeNode(directory.resolve("data"), Map.of())) {
      String definition = "{\"name\":\"data\",\"uri\":\"" + source("data") + "\",\"options\":{}}";
      assertEquals(200, node.exchange("POST", "/v1/datasets", definition).status());
      readAll(node, "data", 8);
      awaitSealed(node, "data/large.bin");
      readAll(node, "data", 8);
      String[][] requests = {
        {"GET", "/datasets/data", ""},
        {"GET", "/datasets/data/small/?limit=3", ""},
        {"GET", "/datasets/data/?recursive=true", ""},
        {"GET", "/datasets/data/none", ""},
        {"GET", "/datasets/data/large.bin?stat=true", ""},
        {"GET", "/blobs/" + key(node, "data/large.bin") + "/digests", ""},
        {"GET", "/v1/datasets", ""},
        {"GET", "/v1/datasets/data", ""},
        {"POST", "/v1/warm", "{\"snapshot\":\"data\",\"glob\":\"**\"}"},
        {"GET", "/v1/jobs", ""},
        {"POST", "/v1/pins", "{\"snapshot\":\"data\",\"glob\":\"small/**\"}"},
        {"GET", "/v1/pins", ""},
        {"DELETE", "/v1/pins?snapshot=data&glob=small/**", ""},
        {"POST", "/v1/datasets/data/refresh", "{}"},
        {"GET", "/v1/status", ""},
        {"GET", "/metrics", ""},
        {"GET", "/readyz", ""},
        {"POST", "/v1/warm", "{broken"},
        {"DELETE", "/v1/datasets/data", ""},
      };
      for (String[] request : requests) {
        Response answer = node.exchange(request[0], request[1], request[2]);
        assertTrue(answer.status() < 500, Arrays.toString(request) + ": " + answer.text());
      }
    }
  }

  @Test
  void noVirtualThreadIsPinnedByAFill() throws Exception {
    Map<String, Long> pinned = new ConcurrentHashMap<>();
    try (FaultyHttpServer server = FaultyHttpServer.start();
        RecordingStream events = new RecordingStream();
        WholeNode node = new WholeNode(directory.resolve("data"), Map.of())) {
      events.enable("jdk.VirtualThreadPinned").withoutThreshold().withStackTrace();
      events.onEvent(
          "jdk.VirtualThreadPinned",
          event -> {
            // Once in a process and class: the JVM's own wait until another thread initialized it.
            if (!event.toString().contains("Waited for initialization")) {
              pinned.merge(event.toString(), 1L, Long::sum);
            }
          });
      fillAll(node, "first", source("first").toString(), "{}");
      fillAll(node, "first-http", manifest(server, "first"), "{\"manifest\":\"true\"}");
      // Class initializers run above a native frame; by now they have run.
      events.startAsync();
      fillAll(node, "local", source("local").toString(), "{}");
      fillAll(node, "http", manifest(server, "local"), "{\"manifest\":\"true\"}");
      events.stop();
    }
    assertEquals(Map.of(), pinned);
  }

  /** Serves the files there are now below a name, and a list of them. */
  private String manifest(FaultyHttpServer server, String name) {
    StringBuilder lines = new StringBuilder();
    files.forEach((path, content) -> {
      server.put("/" + name + "/" + path, content, name + path.hashCode());
      lines.append(path).append('\n');
    });
    server.put("/" + name + "/list", lines.toString().getBytes(StandardCharsets.UTF_8), name);
    return server.endpoint() + "/" + name + "/list";
  }

  private void fillAll(WholeNode node, String name, String uri, String options) throws Exception {
    String definition =
        "{\"name\":\"%s\",\"uri\":\"%s\",\"options\":%s}".formatted(name, uri, options);
    assertEquals(200, node.exchange("POST", "/v1/datasets", definition).status());
    String selection = "{\"snapshot\":\"%s\",\"glob\":\"small/**\"}".formatted(name);
    assertEquals(202, node.exchange("POST", "/v1/warm", selection).status());
    readAll(node, name, 16);
    awaitSealed(node, name + "/large.bin");
    awaitSealed(node, name + "/other.bin");
  }

  /** Shows that the check above sees a thread that is pinned. */
  @Test
  void aPinnedThreadIsSeen() throws Exception {
    List<String> seen = new ArrayList<>();
    try (RecordingStream events = new RecordingStream()) {
      events.enable("jdk.VirtualThreadPinned").withoutThreshold().withStackTrace();
      events.onEvent("jdk.VirtualThreadPinned", event -> seen.add(event.toString()));
      events.startAsync();
      Thread.startVirtualThread(PinnedByInitializer::touch).join();
      events.stop();
    }
    assertTrue(
        seen.stream().anyMatch(event -> event.contains("PinnedByInitializer")), seen.toString());
  }

  /** A class's initializer is run by the JVM's own frame, which cannot be moved off a carrier. */
  private static final class PinnedByInitializer {
    static {
      java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
    }

    static void touch() {
      // Loading it is all.
    }
  }

  private void readAll(WholeNode node, String dataset, int readers) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(readers)) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < readers; i++) {
        all.add(
            threads.submit(() -> {
              try (RawClient client = node.connect()) {
                for (Map.Entry<String, byte[]> file : files.entrySet()) {
                  client.send(
                      RawClient.request("GET", "/datasets/" + dataset + "/" + file.getKey(), ""));
                  assertArrayEquals(file.getValue(), client.receive().body(), file.getKey());
                }
                client.send(
                    RawClient.request(
                        "GET", "/datasets/" + dataset + "/large.bin", "", "Range: bytes=5-9"));
                assertEquals(206, client.receive().status());
              }
              return true;
            }));
      }
      for (Future<?> one : all) {
        one.get(120, TimeUnit.SECONDS);
      }
    }
  }

  private static String key(WholeNode node, String path) throws Exception {
    return stat(node, path).path("key").asText();
  }

  private static JsonNode stat(WholeNode node, String path) throws Exception {
    return new ObjectMapper()
        .readTree(node.exchange("GET", "/datasets/" + path + "?stat=true", "").body());
  }

  private static void awaitSealed(WholeNode node, String path) {
    ReadRig.await(
        "sealed",
        () -> {
          try {
            return stat(node, path).path("local").path("state").asText().equals("sealed");
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
  }
}
