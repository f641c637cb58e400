package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.client.Control.Job;
import dev.larder.client.LarderClient;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An agent killed in the middle of warm-ups that nobody waits for: they go on with the next. */
@Timeout(300)
class WarmUpKillTest {
  private static final int MIB = 1 << 20;
  private static final int FILES = 12;

  @TempDir Path directory;

  private final Map<String, byte[]> content = new TreeMap<>();

  @Test
  void warmUpsGoOnAfterAKill() throws Exception {
    Path source = Files.createDirectories(directory.resolve("source"));
    Random random = new Random(11);
    for (int i = 0; i < FILES; i++) {
      byte[] bytes = new byte[MIB + i];
      random.nextBytes(bytes);
      content.put("f%02d".formatted(i), bytes);
      Files.write(source.resolve("f%02d".formatted(i)), bytes);
    }
    try (NodeProcess node =
        NodeProcess.start(
            directory.resolve("node"),
            "jobs.bandwidth-max=2MiB",
            "jobs.parallel-max=1",
            "store.disk-min-free=0")) {
      String local;
      String standing;
      try (LarderClient client = node.connect()) {
        client.control().create("data", source.toUri().toString(), Map.of(), (files, bytes) -> {});
        client.control().create("other", source.toUri().toString(), Map.of(), (files, bytes) -> {});
        local = client.control().warm("data", "").id();
        standing =
            new ObjectMapper()
                .readTree(client.control().startWarmUp("other", "", "all", Duration.ZERO))
                .path("id")
                .asText();
        WarmCluster.await("under way", () -> job(client, local).doneFiles() >= 2);
        assertEquals("running", job(client, local).state());
      }
      node.kill();
      node.startAgain();
      try (LarderClient client = node.connect()) {
        Job again = job(client, local);
        assertTrue(again.doneFiles() < FILES, "it was in the middle: " + again);
        // Readers read on whatever the warm-up does, and every byte is compared.
        for (Map.Entry<String, byte[]> file : content.entrySet()) {
          try (InputStream in = client.openStream("data", file.getKey())) {
            assertArrayEquals(file.getValue(), in.readAllBytes());
          }
        }
        WarmCluster.await("the local one is done", () -> job(client, local).state().equals("done"));
        assertEquals(FILES, job(client, local).doneFiles());
        WarmCluster.await("the other is ready", () -> state(client, standing).equals("ready"));
        // The next one does not take the name of one that was there.
        assertEquals("w2", client.control().warm("data", "").id());
        WarmCluster.await("at once", () -> job(client, "w2").state().equals("done"));
      }
      node.kill();
      node.startAgain();
      try (LarderClient client = node.connect()) {
        assertTrue(client.control().jobs().isEmpty(), "what ended does not begin again");
      }
    }
  }

  private static Job job(LarderClient client, String id) {
    return client.control().job(id).orElseThrow();
  }

  private static String state(LarderClient client, String id) {
    try {
      JsonNode json = new ObjectMapper().readTree(client.control().warmUpJson(id));
      return json.path("state").asText();
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }
}
