package dev.larder.agent.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.http.RawClient.Response;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Requests damaged at random: never an answer of 500, never a hang, never a leak. */
class DoorFuzzTest {
  private static final int ROUNDS = 600;
  private static final int WAIT_MILLIS = 40;

  @Test
  void damagedRequestsDoNoHarm() throws Exception {
    long seed = Long.getLong("larder.seed", System.nanoTime());
    Random random = new Random(seed);
    try (DoorFixture fixture = new DoorFixture()) {
      String key = fixture.node.file("a/f", 100_000).toString();
      fixture.node.file("a/s", 100);
      String[] seeds = {
        RawClient.request("GET", "/datasets/data/a/f", "", "Range: bytes=1-70000"),
        RawClient.request("GET", "/datasets/data/a/s", "", "If-None-Match: \"x\", W/\"y\""),
        RawClient.request("GET", "/datasets/data/a?limit=10&after=e", ""),
        RawClient.request("GET", "/datasets/data?recursive=true&glob=**/%7Ba,b%7D", ""),
        RawClient.request("GET", "/blobs/" + key + "/digests?stripes=0-0", ""),
        RawClient.request("POST", "/v1/warm", "{\"snapshot\":\"data\",\"glob\":\"a/*\"}"),
        RawClient.request("DELETE", "/v1/pins?snapshot=data&glob=x", ""),
      };
      int answered = 0;
      for (int i = 0; i < ROUNDS; i++) {
        byte[] bytes = damaged(random, seeds[random.nextInt(seeds.length)]);
        try {
          answered += send(fixture, bytes) ? 1 : 0;
        } catch (AssertionError e) {
          throw new AssertionError(
              "-Dlarder.seed="
                  + seed
                  + " round "
                  + i
                  + ": "
                  + new String(bytes, StandardCharsets.ISO_8859_1),
              e);
        }
      }
      assertTrue(answered > ROUNDS / 2, "answered " + answered + ", seed " + seed);
      assertEquals(200, fixture.get("/healthz").status(), "seed " + seed);
    }
  }

  /** Whether an answer came; a request cut short has none. */
  private static boolean send(DoorFixture fixture, byte[] bytes) throws IOException {
    try (RawClient client = fixture.connect()) {
      client.socket.setSoTimeout(WAIT_MILLIS);
      client.send(bytes);
      Response got =
          client.receive(new String(bytes, 0, 4, StandardCharsets.ISO_8859_1).equals("HEAD"));
      assertTrue(got.status() != 500, got.text());
      return true;
    } catch (IOException e) {
      // Closed, or nothing within the time: the request was not complete.
      return false;
    }
  }

  private static byte[] damaged(Random random, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int damages = random.nextInt(4);
    for (int i = 0; i < damages; i++) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(4)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes = java.util.Arrays.copyOf(bytes, Math.max(4, at));
        case 2 -> {
          byte[] longer = new byte[bytes.length + 3];
          System.arraycopy(bytes, 0, longer, 0, at);
          random.nextBytes(longer);
          System.arraycopy(bytes, 0, longer, 0, at);
          System.arraycopy(bytes, at, longer, at + 3, bytes.length - at);
          bytes = longer;
        }
        default -> {
          int other = random.nextInt(bytes.length);
          byte swapped = bytes[at];
          bytes[at] = bytes[other];
          bytes[other] = swapped;
        }
      }
    }
    return bytes;
  }
}
