package dev.larder.agent.peer;

import static dev.larder.agent.peer.Fleet.MIB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.OriginObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that read the same cold data take each byte from the origin once. */
class PeersTest {
  @TempDir Path directory;

  @Test
  void fourNodesThatReadAtOnceFetchEachByteOnce() throws Exception {
    try (Fleet fleet = new Fleet(directory)) {
      OriginObject object = fleet.origin.add("big", 200 * MIB, new Random(1));
      List.of("a", "b", "c", "d").forEach(fleet::add);
      fleet.publish();
      List<Future<Map<Source, Long>>> reads = new ArrayList<>();
      for (String id : fleet.nodes.keySet()) {
        reads.add(fleet.reading(id, object, ReadIntent.WHOLE));
      }
      long fromPeers = 0;
      for (Future<Map<Source, Long>> read : reads) {
        fromPeers += Fleet.get(read).getOrDefault(Source.PEER, 0L);
      }
      assertEquals(object.sizeBytes(), fleet.origin.bytesSent());
      assertTrue(fromPeers > 2 * object.sizeBytes(), "from peers: " + fromPeers);
      fleet.nodes.values().forEach(node -> Fleet.await("sealed", () -> node.isSealed(object)));
    }
  }
}
