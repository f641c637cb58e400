package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Totals;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stands below a directory, counted without the rest of its dataset. */
class DirectoryTotalsTest {
  private static final int REST = 20_000;

  @TempDir Path root;

  @Test
  void aDirectoryIsCountedFromItsOwnNode() throws Exception {
    Path source = Files.createDirectories(root.resolve("source"));
    Path part = Files.createDirectories(source.resolve("a/part/deep"));
    // A neighbour whose name begins the same.
    Files.createDirectories(source.resolve("a/part-2"));
    Files.write(source.resolve("a/part-2/x"), new byte[1 << 10]);
    Files.write(part.getParent().resolve("one"), new byte[7]);
    Files.write(part.resolve("two"), new byte[11]);
    Files.createSymbolicLink(part.resolve("link"), Path.of("two"));
    Path rest = Files.createDirectories(source.resolve("rest"));
    for (int i = 0; i < REST; i++) {
      Files.createFile(rest.resolve("f" + i));
    }
    NodeServices node =
        new NodeServices(
            AgentConfig.of(
                root.resolve("data"), new ConfigTree(Map.of("store.disk-min-free", "0"))),
            new FakeCoordinator(),
            new AgentMetrics("test"),
            "test");
    try {
      node.start();
      Datasets datasets = node.datasetsOfNode();
      var unused =
          datasets.create(
              new DatasetName("data"),
              source.toUri().toString(),
              new OriginOptions(Map.of()),
              progress -> {});
      SnapshotRef data = SnapshotRef.parse("data");
      assertEquals(new Totals(3, 18), datasets.totals(data, "a/part"));
      assertEquals(new Totals(2, 11), datasets.totals(data, "a/part/deep"));
      assertEquals(new Totals(REST + 4, 18 + (1 << 10)), datasets.totals(data, ""));
      assertEquals(
          ErrorCode.WRONG_TYPE,
          assertThrows(LarderException.class, () -> datasets.totals(data, "a/part/one")).code());
      long small = fastest(() -> datasets.totals(data, "a/part"));
      long all = fastest(() -> datasets.totals(data, ""));
      System.out.printf("counted: a part %d us, the whole %d us%n", small / 1000, all / 1000);
      assertTrue(small * 10 < all, small + " ns for 3 of " + REST + " files, " + all + " for all");
    } finally {
      node.close();
    }
  }

  private static long fastest(Runnable work) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 7; i++) {
      long start = System.nanoTime();
      work.run();
      best = Math.min(best, System.nanoTime() - start);
    }
    return best;
  }
}
