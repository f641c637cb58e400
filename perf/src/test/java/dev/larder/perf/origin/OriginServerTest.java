package dev.larder.perf.origin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.perf.http.RawHttp;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OriginServerTest {
  @TempDir Path directory;
  private final byte[] content = new byte[300_000];
  private OriginServer server;
  private Thread thread;

  @BeforeEach
  void start() throws IOException {
    new Random(1).nextBytes(content);
    Files.createDirectories(directory.resolve("files/sub"));
    Files.write(directory.resolve("files/a b"), content);
    Files.write(directory.resolve("files/sub/c"), new byte[10]);
    server =
        new OriginServer(
            directory.resolve("files"),
            directory.resolve("log"),
            0,
            InetAddress.getLoopbackAddress());
    thread =
        Thread.ofPlatform()
            .start(() -> {
              try {
                server.serve();
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
    thread.join();
  }

  @Test
  void servesWholeFilesAndRangesOverOneConnection() throws IOException {
    try (RawHttp http = RawHttp.connect(server.address())) {
      assertArrayEquals(content, get(http, "/one/a%20b", Map.of()));
      assertArrayEquals(
          Arrays.copyOfRange(content, 5, 70_001),
          get(http, "/two/a%20b", Map.of("Range", "bytes=5-70000")));
      assertArrayEquals(
          Arrays.copyOfRange(content, 299_000, 300_000),
          get(http, "/two/a%20b", Map.of("Range", "bytes=-1000")));
    }
    List<AccessLog.Entry> log = logOf(3);
    assertEquals(new AccessLog.Entry("GET", "/one/a b", 200, 0, 300_000), log.get(0));
    assertEquals(new AccessLog.Entry("GET", "/two/a b", 206, 5, 69_996), log.get(1));
    assertEquals(new AccessLog.Entry("GET", "/two/a b", 206, 299_000, 1000), log.get(2));
  }

  @Test
  void refusesWhatItCannotServe() throws IOException {
    try (RawHttp http = RawHttp.connect(server.address())) {
      assertRefused("404", http, "/one/nothing", Map.of());
    }
    try (RawHttp http = RawHttp.connect(server.address())) {
      assertRefused("412", http, "/one/a%20b", Map.of("If-Match", "\"other\""));
    }
    try (RawHttp http = RawHttp.connect(server.address())) {
      assertRefused("416", http, "/one/a%20b", Map.of("Range", "bytes=300000-"));
    }
  }

  @Test
  void listsAsS3InPages() throws IOException {
    try (RawHttp http = RawHttp.connect(server.address())) {
      String first = text(get(http, "/any/?list-type=2&max-keys=1", Map.of()));
      assertTrue(first.contains("<Key>a b</Key>") && !first.contains("sub/c"), first);
      assertTrue(first.contains("<IsTruncated>true</IsTruncated>"), first);
      String second =
          text(get(http, "/any/?list-type=2&max-keys=1&continuation-token=a%20b", Map.of()));
      assertTrue(second.contains("<Key>sub/c</Key>"), second);
      assertTrue(second.contains("<IsTruncated>false</IsTruncated>"), second);
    }
  }

  @Test
  void aNewListingShowsNewFiles() throws IOException {
    try (RawHttp http = RawHttp.connect(server.address())) {
      Files.writeString(directory.resolve("files/later"), "x");
      assertRefused("404", http, "/any/later", Map.of());
      String listing = text(get(http, "/any/?list-type=2", Map.of()));
      assertTrue(listing.contains("<Key>later</Key>"), listing);
      assertEquals("x", text(get(http, "/any/later", Map.of())));
    }
  }

  @Test
  void keepsToItsRate() throws IOException {
    // 300,000 bytes at 3 MB/s: no faster than 100 ms, less what may be caught up.
    Pacer pacer = new Pacer(3_000_000);
    long started = System.nanoTime();
    for (int i = 0; i < 30; i++) {
      pacer.take(10_000);
    }
    assertTrue(System.nanoTime() - started > 85_000_000, "the pacer let bytes through too fast");
  }

  private List<AccessLog.Entry> logOf(int lines) throws IOException {
    long deadline = System.nanoTime() + 10_000_000_000L;
    // A line is written after the last byte was sent, so the reader can be here first.
    while (AccessLog.read(directory.resolve("log")).size() < lines) {
      assertTrue(System.nanoTime() < deadline, "the log has fewer lines than requests");
      Thread.onSpinWait();
    }
    return AccessLog.read(directory.resolve("log"));
  }

  private static void assertRefused(
      String status, RawHttp http, String target, Map<String, String> headers) {
    IOException refused = assertThrows(IOException.class, () -> http.get(target, headers));
    assertTrue(String.valueOf(refused.getMessage()).contains(status), refused.toString());
  }

  private static byte[] get(RawHttp http, String target, Map<String, String> headers)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    http.get(
        target,
        headers,
        part -> {
          byte[] bytes = new byte[part.remaining()];
          part.get(bytes);
          out.writeBytes(bytes);
        });
    return out.toByteArray();
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
