package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.Control.Snapshot;
import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names that a bucket can have and a disk cannot, and many of them, mounted and walked. */
class NamesTest {
  private static final int ENTRIES = 50_000;
  private static final int LEVELS = 60;

  @TempDir Path directory;

  @BeforeEach
  void needs() {
    Needs.root();
  }

  @Test
  void bucketsThatNoDiskCouldHoldAreMountedAndWalked() throws Exception {
    String deep =
        IntStream.range(0, LEVELS).mapToObj(i -> "level-" + i).collect(Collectors.joining("/"));
    List<String> keys = new ArrayList<>();
    IntStream.range(0, ENTRIES).forEach(i -> keys.add("huge/entry-%05d".formatted(i)));
    keys.addAll(
        List.of(
            "a", "a/b", "a/b/c", "a/d", deep + "/leaf", "x//y", "x/../z", "x/" + "n".repeat(256)));
    try (ListedBucket bucket = new ListedBucket(keys);
        MountedNode mounted = MountedNode.startEmpty(directory)) {
      mounted.create(
          "s3://any",
          Map.of(
              "endpoint", bucket.url(),
              "region", "us-east-1",
              "path-style", "true",
              "credentials", "anonymous"));
      mounted.mount(false);
      Path root = mounted.target;

      try (Stream<Path> all = Files.list(root.resolve("huge"))) {
        List<String> names = all.map(path -> path.getFileName().toString()).sorted().toList();
        assertEquals(IntStream.range(0, ENTRIES).mapToObj("entry-%05d"::formatted).toList(), names);
      }
      for (int i = 0; i < ENTRIES; i += 4999) {
        holds(root, "huge/entry-%05d".formatted(i));
      }
      holds(root, deep + "/leaf");
      assertEquals(LEVELS + 1, depth(root, root.resolve("level-0")));

      // The directory wins over the object of its name, at each level.
      assertTrue(Files.isDirectory(root.resolve("a")) && Files.isDirectory(root.resolve("a/b")));
      holds(root, "a/b/c");
      holds(root, "a/d");
      try (Stream<Path> top = Files.list(root)) {
        assertEquals(
            List.of("a", "huge", "level-0"),
            top.map(path -> path.getFileName().toString()).sorted().toList());
      }
      try (LarderClient client = mounted.node().connect()) {
        Snapshot snapshot = client.control().dataset("data").snapshots().getLast();
        assertEquals(5, snapshot.skipped(), "a, a/b, x//y, x/../z, the long name");
        assertEquals(keys.size() - 5, snapshot.files());
      }
      String log = mounted.node().log();
      assertEquals(2, log.lines().filter(l -> l.contains("SHADOWED_BY_DIRECTORY")).count(), log);
      assertTrue(log.contains("longer than 255 bytes"), log);
      mounted.unmountCleanly();
    }
  }

  private static void holds(Path root, String key) throws Exception {
    assertEquals(ListedBucket.content(key), Files.readString(root.resolve(key)));
  }

  private static int depth(Path root, Path below) throws Exception {
    try (Stream<Path> all = Files.walk(below)) {
      return all.mapToInt(path -> root.relativize(path).getNameCount()).max().orElse(0);
    }
  }
}
