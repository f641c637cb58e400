package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.Control.MountRequest;
import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Readers of a kernel mount whose origin does not answer, or is not there at all. */
class OriginDownTest {
  private static final int DEADLINE_SECONDS = 3;

  /** The kernel asks twice, for the page and for what it read ahead; the rest is a busy machine. */
  private static final double END_SECONDS_MAX = 2 * DEADLINE_SECONDS + 4;

  private static final List<String> KEYS = List.of("cached/a", "cached/b", "rest/a", "rest/b");

  @TempDir Path directory;
  private Path target;

  @BeforeEach
  void prepare() throws IOException {
    Needs.root();
    target = Files.createDirectory(directory.resolve("target"));
  }

  @Test
  void aSilentOriginIsEioAtTheDeadlineAndCachedFilesGoOn() throws Exception {
    try (ListedBucket bucket = new ListedBucket(KEYS);
        NodeProcess node = mounted(bucket)) {
      bucket.silent(true);
      double seconds = failsToRead("rest/a");
      assertTrue(seconds >= DEADLINE_SECONDS, "ended before its deadline: " + seconds + " s");
      cachedGoOn();
      bucket.silent(false);
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (!canRead("rest/b")) {
        assertTrue(System.nanoTime() - until < 0, node.log());
        LockSupport.parkNanos(50_000_000);
      }
      holds("rest/a");
    }
  }

  @Test
  void anOriginThatIsNotThereIsEioAndCachedFilesGoOn() throws Exception {
    try (ListedBucket bucket = new ListedBucket(KEYS);
        NodeProcess unused = mounted(bucket)) {
      bucket.close();
      double unusedSeconds = failsToRead("rest/a");
      cachedGoOn();
      unusedSeconds = failsToRead("rest/b");
    }
  }

  private NodeProcess mounted(ListedBucket bucket) throws Exception {
    NodeProcess node =
        NodeProcess.start(
            directory.resolve("node"),
            "mount.read-deadline=" + DEADLINE_SECONDS + "s",
            "mount.pack-files-max=0",
            "fill.siblings-max=0");
    try (LarderClient client = node.connect()) {
      Map<String, String> options =
          Map.of(
              "endpoint", bucket.url(),
              "region", "us-east-1",
              "path-style", "true",
              "credentials", "anonymous");
      client.control().create("data", "s3://any", options, (o, b) -> {});
      client
          .control()
          .mount(new MountRequest("data", target.toString(), false, false, false, "kernel"));
      cachedGoOn();
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (!isSealed(client, "cached/a") || !isSealed(client, "cached/b")) {
        assertTrue(System.nanoTime() - until < 0, node.log());
        LockSupport.parkNanos(10_000_000);
      }
      return node;
    } catch (Throwable e) {
      node.close();
      throw e;
    }
  }

  private static boolean isSealed(LarderClient client, String path) {
    return client.control().statJson("data", path).replace(" ", "").contains("\"sealed\"");
  }

  private void cachedGoOn() throws Exception {
    holds("cached/a");
    holds("cached/b");
  }

  private void holds(String key) throws Exception {
    assertEquals(ListedBucket.content(key), reading(key).get(30, TimeUnit.SECONDS));
  }

  private boolean canRead(String key) throws Exception {
    try {
      return ListedBucket.content(key).equals(reading(key).get(30, TimeUnit.SECONDS));
    } catch (ExecutionException e) {
      assertEio(e);
      return false;
    }
  }

  /** Returns after how many seconds the read ended. */
  private double failsToRead(String key) {
    long began = System.nanoTime();
    CompletableFuture<String> read = reading(key);
    // Longer than allowed, so that a read that hangs is told from one that is late.
    ExecutionException fault =
        assertThrows(ExecutionException.class, () -> read.get(60, TimeUnit.SECONDS));
    double seconds = (System.nanoTime() - began) / 1e9;
    assertEio(fault);
    assertTrue(seconds <= END_SECONDS_MAX, "the read took " + seconds + " s");
    return seconds;
  }

  private static void assertEio(ExecutionException fault) {
    assertTrue(
        String.valueOf(fault.getCause().getMessage()).endsWith("Input/output error"),
        () -> "no EIO: " + fault.getCause());
  }

  /** On a thread of its own: a read that hangs must not hang the test. */
  private CompletableFuture<String> reading(String key) {
    CompletableFuture<String> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .start(() -> {
          try {
            result.complete(Files.readString(target.resolve(key)));
          } catch (IOException | RuntimeException | Error e) {
            result.completeExceptionally(e);
          }
        });
    return result;
  }
}
