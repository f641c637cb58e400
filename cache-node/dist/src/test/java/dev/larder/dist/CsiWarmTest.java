package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import csi.v1.NodeGrpc;
import dev.larder.client.Control.Job;
import dev.larder.client.LarderClient;
import dev.larder.testkit.AccessLogEntry;
import dev.larder.testkit.Needs;
import dev.larder.testkit.S3Server;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Volumes that are to be warm, of an origin that takes far longer to read than a publish call
 * waits.
 */
class CsiWarmTest {
  private static final int FILES = 5;
  private static final int FILE_BYTES = 2 << 20;

  /** All of it takes some five seconds so. */
  private static final String BANDWIDTH = "2MiB";

  private static final String PUBLISH_TIMEOUT = "500ms";
  private static final double PUBLISH_TIMEOUT_SECONDS = 0.5;

  @TempDir Path directory;
  private final Map<String, byte[]> files = new TreeMap<>();
  private final ObjectMapper json = new ObjectMapper();
  private S3Server s3;
  private CsiNode csi;
  private NodeGrpc.NodeBlockingStub node;
  private LarderClient client;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    s3 = S3Server.start(directory.resolve("s3"));
    Path bucket = s3.createBucket("slow");
    Random random = new Random(23);
    for (int i = 0; i < FILES; i++) {
      byte[] content = new byte[FILE_BYTES + i];
      random.nextBytes(content);
      files.put("part-" + i + ".bin", content);
      Files.write(bucket.resolve("part-" + i + ".bin"), content);
    }
    Path credentials =
        Files.writeString(
            directory.resolve("credentials"), S3Server.ACCESS_KEY + ":" + S3Server.SECRET_KEY);
    csi =
        CsiNode.start(
            Files.createDirectory(directory.resolve("csi")),
            "csi.publish-timeout=" + PUBLISH_TIMEOUT,
            "origin.bandwidth-max=" + BANDWIDTH);
    node = csi.nodeCalls();
    client = csi.node.connect();
    var unused =
        client
            .control()
            .create(
                "slow",
                "s3://slow/",
                Map.of(
                    "endpoint",
                    s3.endpoint().toString(),
                    "region",
                    "us-east-1",
                    "path-style",
                    "true",
                    "credentials",
                    "file:" + credentials),
                (objects, bytes) -> {});
  }

  @AfterEach
  void stop() throws Exception {
    if (client != null) {
      client.close();
    }
    if (csi != null) {
      csi.close();
    }
    if (s3 != null) {
      s3.close();
    }
  }

  @Test
  void whoWaitsIsPublishedOnlyOnceEveryFileIsSealedHere() throws Exception {
    Path target = csi.target("pod-a", "data");
    int refusals = 0;
    while (!tryPublish("v", target, "warm=all", "waitForWarm=true")) {
      refusals++;
      // The call may have given up a moment before it was there.
      if (!csi.mounts().isEmpty()) {
        assertEquals(allSealed(), states(), "shown before it is warm");
      }
      assertTrue(refusals < 200, csi::log);
    }
    List<String> states = states();
    assertEquals(allSealed(), states);
    assertTrue(refusals > 1, "the origin was too fast to show anything, refusals=" + refusals);
    assertEquals(1, jobs().size(), () -> "repeats share one warm-up: " + jobs());
    // Whether or not a call saw it to its end, it counts, and with all the time it took.
    await(
        "it is counted", () -> csi.node.metric("larder_csi_publish_duration_seconds_count") == 1.0);
    double seconds = csi.node.metric("larder_csi_publish_duration_seconds_sum");
    assertTrue(seconds > 2 * PUBLISH_TIMEOUT_SECONDS, "counted with " + seconds + " s");
    assertEquals("done", jobs().getFirst().state());

    long before = objectReads();
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      assertArrayEquals(
          file.getValue(), Files.readAllBytes(target.resolve(file.getKey())), file.getKey());
    }
    assertEquals(before, objectReads(), "reading cost the origin something");
    unpublish("v", target);
    assertEquals(List.of(), csi.mounts());
  }

  @Test
  void whoDoesNotWaitIsPublishedAtOnceAndWarmedBesideIt() throws Exception {
    Path target = csi.target("pod-a", "data");
    await("it is published", () -> tryPublish("v", target, "warm=all"));
    assertEquals("running", jobs().getFirst().state());
    assertNotEquals(allSealed(), states());
    assertEquals(List.of(target.toString()), csi.mounts());
    await("it is warm", () -> jobs().getFirst().state().equals("done"));
    unpublish("v", target);
  }

  @Test
  void unpublishingEndsTheWaitAndTheWarmUp() throws Exception {
    Path target = csi.target("pod-a", "data");
    assertFalse(tryPublish("v", target, "warm=all", "waitForWarm=true"));
    assertEquals("running", jobs().getFirst().state());
    long start = System.nanoTime();
    unpublish("v", target);
    long took = System.nanoTime() - start;
    System.out.printf("unpublish of a volume that waits for a warm-up: %.0f ms%n", took / 1e6);
    assertTrue(took < TimeUnit.SECONDS.toNanos(10), "took " + took + " ns");
    await("the warm-up ends", () -> !jobs().getFirst().state().equals("running"));
    assertEquals("cancelled", jobs().getFirst().state());
    assertNotEquals(allSealed(), states(), () -> "all of it came all the same: " + jobs());
    assertEquals(List.of(), csi.mounts());

    // What came stays, and the next one who waits begins another.
    Path next = csi.target("pod-b", "data");
    await("the next is published", () -> tryPublish("w", next, "warm=all", "waitForWarm=true"));
    assertEquals("done", jobs().getFirst().state());
    unpublish("w", next);
  }

  @Test
  void aWarmUpThatAnotherSharesInOrAUserBeganGoesOn() throws Exception {
    Path first = csi.target("pod-a", "data");
    Path second = csi.target("pod-b", "data");
    assertFalse(tryPublish("v", first, "warm=all", "waitForWarm=true"));
    assertFalse(tryPublish("w", second, "warm=all", "waitForWarm=true"));
    unpublish("v", first);
    await("the other is published", () -> tryPublish("w", second, "warm=all", "waitForWarm=true"));
    assertEquals(List.of("done"), jobs().stream().map(Job::state).toList());
    unpublish("w", second);

    byte[] added = new byte[3 * FILE_BYTES];
    new Random(24).nextBytes(added);
    Files.write(s3.buckets().resolve("slow/added.bin"), added);
    var unused = client.control().refresh("slow", (objects, bytes) -> {});
    Job users = client.control().warm("slow@2", "");
    assertFalse(tryPublish("v", first, "warm=all", "waitForWarm=true"));
    unpublish("v", first);
    await("the user's is done", () -> !jobs().getFirst().state().equals("running"));
    assertEquals(users.id(), jobs().getFirst().id());
    assertEquals("done", jobs().getFirst().state());
  }

  @Test
  void aWarmUpThatAUserCancelsIsBegunAnew() throws Exception {
    Path target = csi.target("pod-a", "data");
    assertFalse(tryPublish("v", target, "warm=all", "waitForWarm=true"));
    var unused = client.control().cancel(jobs().getFirst().id());
    await(
        "it is published",
        () -> {
          try {
            return tryPublish("v", target, "warm=all", "waitForWarm=true");
          } catch (StatusRuntimeException e) {
            // To whoever still waits for the one that was cancelled.
            String said = String.valueOf(e.getStatus().getDescription());
            assertEquals(Code.ABORTED, e.getStatus().getCode(), said);
            assertTrue(said.contains("a user cancelled the warm-up"), said);
            return false;
          }
        });
    assertEquals(List.of("done", "cancelled"), jobs().stream().map(Job::state).toList());
    assertEquals(allSealed(), states());
    unpublish("v", target);
  }

  /** False when it is not there within the publish timeout; throws any other refusal. */
  private boolean tryPublish(String id, Path target, String... attributes) {
    var request = CsiNode.inline(id, target, attributes).putVolumeContext("dataset", "slow");
    try {
      var unused = node.nodePublishVolume(request.build());
      return true;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Code.DEADLINE_EXCEEDED) {
        throw e;
      }
      String said = String.valueOf(e.getStatus().getDescription());
      assertTrue(said.contains("goes on in the background"), said);
      return false;
    }
  }

  private void unpublish(String id, Path target) {
    var unused = node.nodeUnpublishVolume(CsiNode.unpublish(id, target));
  }

  private List<Job> jobs() {
    return client.control().jobs();
  }

  private List<String> allSealed() {
    return files.keySet().stream().map(each -> "sealed").toList();
  }

  /** Of every file, as the node itself says. */
  private List<String> states() throws Exception {
    List<String> states = new ArrayList<>();
    for (String name : files.keySet()) {
      JsonNode stat = json.readTree(client.control().statJson("slow", name));
      states.add(stat.path("local").path("state").asText());
    }
    return states;
  }

  private long objectReads() throws Exception {
    return s3.accessLog().stream().filter(AccessLogEntry::isObjectRead).count();
  }

  private void await(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.call()) {
      assertTrue(System.nanoTime() < deadline, () -> what + "\n" + csi.log());
      LockSupport.parkNanos(10_000_000);
    }
  }
}
