package dev.larder.origin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.origin.ScriptedServer.Answer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Reads that are aborted under TLS, where closing a socket is not enough for every client: one that
 * waits for an answer, and one that waits for the rest of a body.
 */
class TlsTest {
  private static final Pattern ENDED = Pattern.compile("ended (\\d+) ms after the interrupt");

  @TempDir Path work;
  private Keys keys;

  @BeforeEach
  void start() throws Exception {
    keys = Keys.create(work);
  }

  private void assertInterruptsWork(String uri, String objectUri, Map<String, String> options)
      throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (ScriptedServer server =
            ScriptedServer.secure(
                keys,
                r ->
                    requests.incrementAndGet() == 1
                        ? null
                        : Answer.of(
                            200, Map.of("ETag", "\"e\"", "Content-Length", "1000000"), "some"));
        Tunnels proxy = new Tunnels(Map.of());
        Child child =
            Child.start(
                work,
                Map.of(),
                keys,
                proxy.uri(),
                uri.replace("SERVER", server.endpoint().toString()),
                object(objectUri.replace("SERVER", server.endpoint().toString())),
                options.containsKey("endpoint")
                    ? Map.of("endpoint", server.endpoint().toString(), "credentials", "anonymous")
                    : options)) {
      child.await(() -> server.seen().size() == 1);
      child.interrupt();
      child.await(() -> server.seen().size() == 2);
      child.interrupt();
      String output = child.output();
      List<Long> ended =
          ENDED.matcher(output).results().map((MatchResult m) -> Long.valueOf(m.group(1))).toList();
      assertEquals(2, ended.size(), output);
      // Its own deadline is two minutes.
      assertTrue(ended.stream().allMatch(millis -> millis < 10_000), ended.toString());
      assertEquals(2, output.split("CANCELLED", -1).length - 1, output);
      assertEquals(List.of(), proxy.refused());
    }
  }

  private static OriginObject object(String uri) {
    return new OriginObject(
        "x",
        OriginObject.Type.FILE,
        uri,
        "e",
        1_000_000,
        Instant.EPOCH,
        Optional.empty(),
        Optional.empty());
  }

  @Test
  void s3() throws Exception {
    assertInterruptsWork("s3://bucket", "s3+SERVER/bucket/x", Map.of("endpoint", ""));
  }

  @Test
  void http() throws Exception {
    assertInterruptsWork("SERVER/x", "SERVER/x", Map.of());
  }

  @Test
  void azure() throws Exception {
    assertInterruptsWork("az://container", "SERVER/container/x", Map.of("endpoint", ""));
  }
}
