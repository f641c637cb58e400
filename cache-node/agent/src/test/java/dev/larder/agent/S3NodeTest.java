package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.agent.read.ReadRig;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.SnapshotRef;
import dev.larder.testkit.AccessLogEntry;
import dev.larder.testkit.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a real S3 server through the node; bytes and requests are counted by the server. */
class S3NodeTest {
  private static final SnapshotRef DATA = SnapshotRef.parse("data");
  private static final int LARGE = (40 << 20) + 4321;
  private static final int SMALL_FILES = 200;

  @TempDir Path root;
  private final FakeCoordinator coordinator = new FakeCoordinator();
  private final Random random = new Random(11);

  @Test
  void eachByteLeavesTheServerOnceAndNeverAfterARestart() throws Exception {
    try (S3Server server = S3Server.start(root.resolve("s3"))) {
      Path bucket = server.createBucket("bucket");
      byte[] large = write(bucket.resolve("models/large.bin"), LARGE);
      List<byte[]> small = new ArrayList<>();
      for (int i = 0; i < SMALL_FILES; i++) {
        small.add(write(bucket.resolve("small/%04d.txt".formatted(i)), 8192));
      }
      try (NodeServices node = start()) {
        node.datasetsOfNode()
            .create(new DatasetName("data"), "s3://bucket", options(server), progress -> {});
        readTogether(node, large);
        for (int i = 0; i < SMALL_FILES; i++) {
          compare(node, "small/%04d.txt".formatted(i), small.get(i));
        }
        List<AccessLogEntry> reads = objectReads(server);
        assertEquals(
            LARGE + SMALL_FILES * 8192L,
            reads.stream().mapToLong(AccessLogEntry::bodyBytes).sum(),
            "each byte once");
        List<AccessLogEntry> largeReads =
            reads.stream().filter(read -> read.target().contains("large")).toList();
        // How far a run reaches depends on how the readers meet; block by block it would be 41.
        assertTrue(largeReads.size() <= 20, () -> "requests were coalesced: " + largeReads);
        assertEquals(
            SMALL_FILES, reads.stream().filter(read -> read.target().contains("small/")).count());
        Entry entry = node.datasetsOfNode().stat(DATA, "models/large.bin");
        ReadRig.await(
            "sealed",
            () ->
                node.store()
                    .openSealed(entry.key().orElseThrow())
                    .map(blob -> {
                      blob.close();
                      return true;
                    })
                    .orElse(false));
      }
      int before = server.accessLog().size();
      try (NodeServices node = start()) {
        compare(node, "models/large.bin", large);
        for (int i = 0; i < SMALL_FILES; i++) {
          compare(node, "small/%04d.txt".formatted(i), small.get(i));
        }
        assertEquals(before, server.accessLog().size(), "requests after the restart");
      }
    }
  }

  private void readTogether(NodeServices node, byte[] large) throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> readers = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        readers.add(threads.submit(() -> compare(node, "models/large.bin", large)));
      }
      for (Future<?> reader : readers) {
        reader.get(120, TimeUnit.SECONDS);
      }
    }
  }

  private static void compare(NodeServices node, String path, byte[] expected) {
    Entry entry = node.datasetsOfNode().stat(DATA, path);
    try (BlobRead read =
        node.plane().open(node.datasetsOfNode().source(DATA, entry), ReadIntent.SEQUENTIAL)) {
      assertEquals(expected.length, read.sizeBytes());
      ReadRig.compare(read, expected, 0, expected.length);
    }
  }

  private static List<AccessLogEntry> objectReads(S3Server server) throws Exception {
    return server.accessLog().stream().filter(AccessLogEntry::isObjectRead).toList();
  }

  private NodeServices start() {
    NodeServices node =
        new NodeServices(
            AgentConfig.defaults(root.resolve("data")),
            coordinator,
            new AgentMetrics("test"),
            "test");
    node.start();
    return node;
  }

  private OriginOptions options(S3Server server) throws IOException {
    Path keys = root.resolve("keys");
    Files.writeString(keys, S3Server.ACCESS_KEY + ":" + S3Server.SECRET_KEY);
    return new OriginOptions(
        Map.of(
            "endpoint",
            server.endpoint().toString(),
            "region",
            "us-east-1",
            "path-style",
            "true",
            "credentials",
            "file:" + keys));
  }

  private byte[] write(Path file, int size) throws IOException {
    byte[] content = new byte[size];
    random.nextBytes(content);
    Files.createDirectories(file.resolveSibling("."));
    Files.write(file, content);
    return content;
  }
}
