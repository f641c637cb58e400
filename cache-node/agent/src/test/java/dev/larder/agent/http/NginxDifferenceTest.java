package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.http.RawClient.Response;
import dev.larder.protocol.BlobKey;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same requests to nginx with the same bytes, where both follow RFC 9110 in the same way. */
class NginxDifferenceTest {
  private static final int SIZE = 100_000;
  private static final String[] HEADERS = {
    "X: y",
    "Range: bytes=0-0",
    "Range: bytes=0-",
    "Range: bytes=-5",
    "Range: bytes=-200000",
    "Range: bytes=99999-100005",
    "Range: bytes=100000-",
    "Range: bytes=500-2000000000000",
    "Range: lines=1-2",
    "If-None-Match: *",
    "If-None-Match: ETAG",
    "If-None-Match: W/ETAG",
    "If-None-Match: \"x\", ETAG",
    "If-None-Match: \"x\"",
    "If-Match: ETAG",
    "If-Match: \"x\"",
    "If-Modified-Since: Sat, 03 Feb 2024 04:05:06 GMT",
    "If-Modified-Since: Sat, 03 Feb 2024 04:05:05 GMT",
    "If-Unmodified-Since: Sat, 03 Feb 2024 04:05:05 GMT",
    "If-Unmodified-Since: Sat, 03 Feb 2024 04:05:06 GMT",
    "Range: bytes=1-2\r\nIf-Range: ETAG",
    "Range: bytes=1-2\r\nIf-Range: \"x\"",
    "Range: bytes=1-2\r\nIf-Range: Sat, 03 Feb 2024 04:05:06 GMT",
    "Range: bytes=1-2\r\nIf-Range: Sat, 03 Feb 2024 04:05:07 GMT",
    "Range: bytes=1-2\r\nIf-None-Match: ETAG",
  };

  @Test
  void answersAsNginxDoes(@TempDir Path dir) throws Exception {
    Path nginx = Path.of("/usr/sbin/nginx");
    if (!Files.isExecutable(nginx)) {
      assertFalse(
          "true".equals(System.getenv("CI")), "nginx is missing: apt-get install nginx-light");
      Assumptions.abort("nginx is missing: apt-get install nginx-light");
    }
    try (DoorFixture fixture = new DoorFixture()) {
      BlobKey key = fixture.node.file("f.bin", SIZE);
      Path www = Files.createDirectory(dir.resolve("www"));
      Files.write(www.resolve("f.bin"), FakeNode.bytes(key, 0, SIZE));
      Files.setLastModifiedTime(www.resolve("f.bin"), FileTime.from(FakeNode.MTIME));
      for (Path path : new Path[] {dir, www}) {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
      int port = freePort();
      Process server = start(nginx, dir, port);
      try {
        String etag = awaitEtag(port);
        for (String headers : HEADERS) {
          for (String method : new String[] {"GET", "HEAD"}) {
            Response theirs = ask(port, method, "/f.bin", headers.replace("ETAG", etag));
            Response ours =
                ask(
                    fixture.port(),
                    method,
                    "/datasets/data/f.bin",
                    headers.replace("ETAG", "\"" + key + "\""));
            compare(method + " " + headers, theirs, ours);
          }
        }
      } finally {
        server.destroy();
        assertTrue(server.waitFor(10, TimeUnit.SECONDS));
      }
    }
  }

  private static void compare(String what, Response theirs, Response ours) {
    if (what.startsWith("HEAD Range") && (theirs.status() == 206 || theirs.status() == 416)) {
      // nginx cuts HEAD by Range; RFC 9110, 14.2 defines ranges for GET only.
      assertEquals(200, ours.status(), what);
      return;
    }
    assertEquals(theirs.status(), ours.status(), what);
    if (theirs.status() < 400) {
      assertArrayEquals(theirs.body(), ours.body(), what);
      assertEquals(theirs.header("Content-Length"), ours.header("Content-Length"), what);
      assertEquals(theirs.header("Last-Modified"), ours.header("Last-Modified"), what);
    }
    assertEquals(theirs.header("Content-Range"), ours.header("Content-Range"), what);
  }

  private static Response ask(int port, String method, String target, String headers)
      throws IOException {
    try (RawClient client = new RawClient(port)) {
      client.send(RawClient.request(method, target, "", headers));
      return client.receive(method.equals("HEAD"));
    }
  }

  private static String awaitEtag(int port) {
    String[] etag = new String[1];
    DoorFixture.await(
        () -> {
          try {
            Optional<String> found = ask(port, "HEAD", "/f.bin", "X: y").header("ETag");
            etag[0] = found.orElse("");
            return found.isPresent();
          } catch (IOException e) {
            return false;
          }
        },
        "nginx to answer");
    return etag[0];
  }

  private static Process start(Path nginx, Path dir, int port) throws IOException {
    StringBuilder temps = new StringBuilder();
    for (String kind : new String[] {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      temps.append(kind).append("_temp_path ").append(dir).append("/").append(kind).append(";\n");
    }
    Path config =
        Files.writeString(
            dir.resolve("nginx.conf"),
            "daemon off; master_process off; worker_processes 1; pid "
                + dir.resolve("pid")
                + "; error_log stderr;\nevents { worker_connections 64; }\nhttp { access_log off;\n"
                + temps
                + "server { listen 127.0.0.1:"
                + port
                + "; root "
                + dir.resolve("www")
                + "; } }\n");
    return new ProcessBuilder(nginx.toString(), "-c", config.toString(), "-e", "stderr")
        .redirectErrorStream(true)
        .redirectOutput(dir.resolve("log").toFile())
        .start();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
