package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.OriginKeys;
import dev.larder.testkit.Fault;
import dev.larder.testkit.FaultyHttpServer;
import dev.larder.testkit.FaultyHttpServer.Resource;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HttpOriginTest extends OriginContract {
  private FaultyHttpServer server;

  @BeforeEach
  void start() throws Exception {
    server = FaultyHttpServer.start();
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
  }

  @Override
  Fixture fixture() {
    return new Site(server, new TreeMap<>());
  }

  /** A manifest of everything that was put. */
  private record Site(FaultyHttpServer server, Map<String, Integer> names) implements Fixture {
    @Override
    public void put(String path, byte[] content) {
      names.merge(path, 1, Integer::sum);
      server.put(url(path), content, "v" + names.get(path));
      publish();
    }

    @Override
    public void putMany(int count) {
      for (int i = 0; i < count; i++) {
        names.put(bulkName(i), 1);
        server.put(url(bulkName(i)), bulkName(i).getBytes(StandardCharsets.UTF_8), "v1");
      }
      publish();
    }

    private void publish() {
      StringBuilder lines = new StringBuilder("# a manifest\n\n");
      for (String name : names.keySet()) {
        lines.append(OriginKeys.encode(name)).append('\n');
      }
      server.put("/site/manifest", lines.toString().getBytes(StandardCharsets.UTF_8), "m");
    }

    @Override
    public void delete(String path) {
      server.remove(url(path));
    }

    private static String url(String path) {
      return "/site/" + OriginKeys.encode(path);
    }

    @Override
    public Origin open(TestContext context) {
      return context
          .environment(Map.of("AUTH", "Bearer canary-http"))
          .open(
              server.endpoint() + "/site/manifest",
              Map.of("manifest", "true", "credentials", "env:AUTH"));
    }

    @Override
    public Origin openDenied(TestContext context) {
      server.requireAuthorization("Bearer canary-http");
      return context
          .environment(Map.of("AUTH", "Bearer wrong"))
          .open(
              server.endpoint() + "/site/manifest",
              Map.of("manifest", "true", "credentials", "env:AUTH"));
    }

    @Override
    public void close() {}
  }

  @Override
  String rootOfObjects(Origin origin) {
    return server.endpoint() + "/site";
  }

  @Test
  void oneUrlIsADatasetOfOneFile() {
    byte[] content = bytes(new Random(1), 5000);
    server.put("/dir/model%20a.bin", content, "e1");
    try (Origin origin =
        new TestContext().open(server.endpoint() + "/dir/model%20a.bin", Map.of())) {
      OriginObject object = Listing.of(origin).get("model a.bin");
      assertEquals("e1", object.version());
      assertEquals(origin.uri(), object.uri());
      assertArrayEquals(content, Reads.all(origin, object));
      Reads.fails(
          ErrorCode.ORIGIN_GONE,
          () -> Listing.of(new TestContext().open(server.endpoint() + "/no", Map.of())));
    }
  }

  @Test
  void manifestsHavePathsJsonAndDigests() throws IOException {
    byte[] content = "known".getBytes(StandardCharsets.UTF_8);
    String sha256 = Digests.ofBytes(content).toString();
    server.put("/a", content, "1");
    server.put("/deep/b", content, "2");
    server.put(
        "/list",
        ("""
        # comment
        /a  first/a file
        {"url": "%s/deep/b", "path": "second", "sha256": "%s"}
        /deep/b
        /missing
        """)
            .formatted(server.endpoint(), sha256)
            .getBytes(StandardCharsets.UTF_8),
        "m");
    try (Origin origin =
        new TestContext().open(server.endpoint() + "/list", Map.of("manifest", "true"))) {
      Listing listing = Listing.of(origin);
      assertEquals(
          List.of("deep/b", "first/a file", "second"), List.copyOf(listing.objects.keySet()));
      assertEquals(BlobKey.parse("sha256:" + sha256), listing.get("second").key());
      assertEquals(List.of("missing"), List.copyOf(listing.skipped.keySet()));
      server.put("/list", "/a\n{\"url\": 3".getBytes(StandardCharsets.UTF_8), "n");
      assertTrue(
          Reads.fails(ErrorCode.BAD_ORIGIN, () -> Listing.of(origin))
              .getMessage()
              .contains("manifest line 2"));
    }
  }

  @Test
  void serversWithoutHeadOrEtagOrRangesAreRead() {
    byte[] content = bytes(new Random(2), 300_000);
    server.put("/x", new Resource(content, "", Instant.parse("2025-02-03T04:05:06Z"), Map.of()));
    server.refuseHead(true);
    try (Origin origin = new TestContext().open(server.endpoint() + "/x", Map.of())) {
      OriginObject object = Listing.of(origin).get("x");
      assertEquals("2025-02-03T04:05:06Z", object.version());
      server.ignoreRanges(true);
      assertArrayEquals(
          java.util.Arrays.copyOfRange(content, 200_000, 200_100),
          Reads.range(origin, object, 200_000, 100));
      server.put("/x", new Resource(content, "", Instant.parse("2025-02-03T04:05:07Z"), Map.of()));
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.range(origin, object, 0, 100));
      server.ignoreConditions(true);
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.range(origin, object, 0, 100));
    }
  }

  @Test
  void weakEtagsAreComparedWhereConditionsFail() {
    byte[] content = bytes(new Random(3), 1000);
    server.put("/x", new Resource(content, "W/\"w1\"", null, Map.of()));
    try (Origin origin = new TestContext().open(server.endpoint() + "/x", Map.of())) {
      OriginObject object = Listing.of(origin).get("x");
      assertArrayEquals(content, Reads.all(origin, object));
      assertArrayEquals(content, Reads.all(origin, object));
      server.put("/x", new Resource(content, "W/\"w2\"", null, Map.of()));
      Reads.fails(ErrorCode.ORIGIN_CHANGED, () -> Reads.all(origin, object));
    }
  }

  @Test
  void credentialsStayWithTheirHost() throws Exception {
    byte[] content = bytes(new Random(4), 1000);
    try (FaultyHttpServer other = FaultyHttpServer.start()) {
      other.put("/y", content, "e");
      server.put("/x", content, "e");
      server.requireAuthorization("Bearer canary-http");
      TestContext context = new TestContext().environment(Map.of("AUTH", "Bearer canary-http"));
      try (Origin origin =
          context.open(server.endpoint() + "/x", Map.of("credentials", "env:AUTH"))) {
        OriginObject object = Listing.of(origin).get("x");
        server.spoil("/x", new Fault.Redirect(302, other.endpoint() + "/y"));
        assertArrayEquals(content, Reads.all(origin, object));
        assertEquals(1, other.requests().size());
        assertEquals("", other.requests().getFirst().header("Authorization"));
        assertFalse(server.requests().isEmpty());
        server
            .requests()
            .forEach(r -> assertEquals("Bearer canary-http", r.header("Authorization")));
        server.spoil("/x", new Fault.Redirect(302, "file:///etc/passwd"));
        Reads.fails(ErrorCode.BAD_ORIGIN, () -> Reads.all(origin, object));
        Fault loop = new Fault.Redirect(302, "/x");
        server.spoil("/x", loop, loop, loop, loop, loop, loop);
        Reads.fails(ErrorCode.BAD_ORIGIN, () -> Reads.all(origin, object));
      }
    }
  }

  @Test
  void compressedAnswersAreRefused() {
    server.put("/x", new Resource(new byte[10], "\"e\"", null, Map.of("Content-Encoding", "gzip")));
    try (Origin origin = new TestContext().open(server.endpoint() + "/x", Map.of())) {
      Reads.fails(ErrorCode.BAD_ORIGIN, () -> Listing.of(origin));
    }
  }

  @Test
  void pathsGoOutAsTheyAre() {
    byte[] content = bytes(new Random(5), 100);
    for (String path : List.of("/a//b", "//b", "/a~b/%C3%BC%25")) {
      server.put(path, content, "e");
      try (Origin origin = new TestContext().open(server.endpoint() + path, Map.of())) {
        assertArrayEquals(
            content, Reads.all(origin, Listing.of(origin).objects.values().iterator().next()));
        assertEquals(path, server.requests().getLast().target());
      }
    }
  }

  @Test
  void cookiesAreNotKept() {
    server.put("/x", new Resource(new byte[10], "\"e\"", null, Map.of("Set-Cookie", "a=b")));
    try (Origin origin = new TestContext().open(server.endpoint() + "/x", Map.of())) {
      Reads.all(origin, Listing.of(origin).get("x"));
      server.requests().forEach(r -> assertEquals("", r.header("Cookie")));
    }
  }

  @Test
  void datesAreWrittenAsServersReadThem() {
    String date = "Fri, 03 Jan 2025 04:05:06 GMT";
    Instant time = Instant.parse("2025-01-03T04:05:06Z");
    assertEquals(date, HttpStatuses.httpDate(time));
    assertEquals(time, HttpStatuses.httpDate(date).orElseThrow());
  }

  @Test
  void redirectsLeadNoNearerThanTheHostThatMakesThem() throws Exception {
    for (String text : List.of("127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1")) {
      assertEquals(2, HttpFetch.nearness(InetAddress.getByName(text)), text);
    }
    for (String text :
        List.of("10.96.0.1", "172.16.0.1", "192.168.1.1", "100.100.100.200", "fd00:ec2::254")) {
      assertEquals(1, HttpFetch.nearness(InetAddress.getByName(text)), text);
    }
    for (String text : List.of("203.0.113.5", "100.128.0.1", "172.32.0.1", "2001:db8::1")) {
      assertEquals(0, HttpFetch.nearness(InetAddress.getByName(text)), text);
    }
  }
}
