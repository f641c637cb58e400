package dev.larder.agent.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Small blobs come from the origin once, too. */
class SmallPeersTest {
  @TempDir Path directory;

  @Test
  void nodesThatReadTheSameSmallFilesAtOnceFetchEachOnce() throws Exception {
    long seed = System.nanoTime();
    System.err.println("seed " + seed);
    Random random = new Random(seed);
    try (Fleet fleet = new Fleet(directory)) {
      List<OriginObject> objects = new ArrayList<>();
      for (int i = 0; i < 150; i++) {
        objects.add(fleet.origin.add("small-" + i, 1 + random.nextInt(65536), random));
      }
      List.of("a", "b", "c").forEach(fleet::add);
      fleet.publish();
      List<Future<Long>> reads = new ArrayList<>();
      for (FleetNode node : fleet.nodes.values()) {
        for (int reader = 0; reader < 4; reader++) {
          List<OriginObject> order = new ArrayList<>(objects);
          Collections.shuffle(order, new Random(random.nextLong()));
          reads.add(
              fleet.run(() -> {
                long fromPeers = 0;
                for (OriginObject object : order) {
                  Map<Source, Long> sources = fleet.read(node, object, ReadIntent.WHOLE);
                  fromPeers += sources.getOrDefault(Source.PEER, 0L);
                }
                return fromPeers;
              }));
        }
      }
      long fromPeers = 0;
      for (Future<Long> read : reads) {
        fromPeers += Fleet.get(read);
      }
      long all = objects.stream().mapToLong(OriginObject::sizeBytes).sum();
      assertEquals(all, fleet.origin.bytesSent());
      assertTrue(fromPeers > 0);
      long received = fleet.nodes.values().stream().mapToLong(FleetNode::peerBytes).sum();
      assertEquals(2 * all, received, "each of the two others once");
    }
  }

  @Test
  void whoWaitsForAMemberThatDiesIsServedAllTheSame() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("small", 5000, new Random(3));
      FillConfig fill = Fleet.fillConfig(Duration.ofSeconds(2));
      for (String id : List.of("a", "b")) {
        fleet.add(
            id, "", Fleet.peerConfig(Duration.ofSeconds(2), Duration.ofMinutes(1), false), fill);
      }
      fleet.weigh("a", 0);
      fleet.publish();
      CountDownLatch asked = new CountDownLatch(1);
      CountDownLatch gate = new CountDownLatch(1);
      fleet.origin.onPiece((any, at) -> {
        boolean isFirst = asked.getCount() > 0;
        asked.countDown();
        if (isFirst) {
          await(gate);
        }
      });
      Future<Map<Source, Long>> first = fleet.reading("a", object, ReadIntent.WHOLE);
      await(asked);
      // It is sent to the first one, which gets nothing.
      assertEquals(
          Map.of(Source.ORIGIN, object.sizeBytes()),
          fleet.read(fleet.node("b"), object, ReadIntent.WHOLE));
      gate.countDown();
      Fleet.get(first);
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
