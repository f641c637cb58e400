package dev.larder.dist;

import static dev.larder.dist.WarmCluster.NAME;
import static dev.larder.dist.WarmCluster.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.NodeServices;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.Fill;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Members that sealed different roots for one key, with readers on all nodes that compare every
 * byte: nobody uses either copy until a third member has read the origin again.
 */
@Timeout(300)
class DisputedRootsTest {
  private static final int MIB = 1 << 20;

  @TempDir Path root;

  @Test
  void aFalseClaimTakesAllCopiesAwayUntilAThirdMemberHasReadAgain() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 3)) {
      cluster.objects("small", 1, 30_000);
      cluster.objects("medium", 1, 3 * MIB + 17);
      cluster.objects("large", 1, 65 * MIB + 5);
      for (String id : List.of("a", "b", "c")) {
        cluster.startNode(id);
      }
      cluster.awaitMembers(3);
      cluster.dataset("a");
      String id =
          cluster.client().warmUp(new NewWarmUp(NAME, 1, "", "all", Duration.ZERO, false, "")).id();
      await("ready", () -> cluster.warmUp(id).state().equals("ready"));
      Map<String, byte[]> files = cluster.content();
      Map<BlobKey, Digest> right = new TreeMap<>();
      files.forEach((path, bytes) ->
          right.put(cluster.key("a", path), Digests.rootOf(ByteBuffer.wrap(bytes))));
      await("recorded", () -> cluster.client().roots(right.keySet()).size() == files.size());
      Map<BlobKey, RecordedRoot> first = cluster.client().roots(right.keySet());
      long before =
          quarantined(cluster, "a") + quarantined(cluster, "b") + quarantined(cluster, "c");
      try (ClusterReaders readers = new ClusterReaders(files, cluster, List.of("a", "b", "c"))) {
        readers.awaitRounds(1);
        List<RecordedRoot> lies = new ArrayList<>();
        for (RecordedRoot standing : first.values()) {
          String liar = standing.memberId().equals("a") ? "b" : "a";
          lies.add(
              new RecordedRoot(
                  standing.key(),
                  standing.sizeBytes(),
                  new Digest(1, 2, 3, standing.sizeBytes()),
                  Trust.ATTESTED,
                  liar));
        }
        assertEquals(files.size(), cluster.client().recordRoots(lies).size());
        await("settled", () -> cluster.client().status().disputes().settled() == files.size());
        assertEquals(0, cluster.client().status().disputes().open());
        readers.awaitRounds(2);
        await(
            "the warm-up brings it in again",
            () ->
                List.of("a", "b", "c").stream()
                    .allMatch(node -> cluster.local(node, "") == cluster.bytes()));
        readers.awaitRounds(1);
      }
      cluster
          .client()
          .roots(right.keySet())
          .forEach((key, standing) -> assertEquals(right.get(key), standing.root()));
      long after =
          quarantined(cluster, "a") + quarantined(cluster, "b") + quarantined(cluster, "c");
      assertEquals(3L * files.size(), after - before, "every copy was set aside, none was lost");
      long read = 0;
      for (String node : List.of("a", "b", "c")) {
        NodeServices services = cluster.node(node);
        assertEquals(0, services.counters().get("root_disputes_lost_total"));
        read += services.counters().get("root_disputes_read_total");
        await(node + " shows it", () -> services.disputes().settled() == files.size());
        assertEquals(List.of(), services.disputes().open());
      }
      assertEquals(files.size(), read, "one reading each");
    }
  }

  @Test
  void aWrongCopyIsFoundByTheNextToSealAndLoses() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      cluster.objects("medium", 1, 3 * MIB + 17);
      cluster.objects("small", 1, 30_000);
      cluster.startNode("a");
      cluster.awaitMembers(1);
      cluster.dataset("a");
      Map<String, byte[]> files = cluster.content();
      BlobKey large = cluster.key("a", "medium/0000.bin");
      BlobKey small = cluster.key("a", "small/0000.bin");
      sealWrong(cluster.node("a").store(), large, files.get("medium/0000.bin"));
      sealWrong(cluster.node("a").store(), small, files.get("small/0000.bin"));
      cluster.stop("a");
      // As after a crash before it could tell.
      Files.writeString(root.resolve("a/agent/roots-pending"), "1\n");
      cluster.startNode("a");
      await("a tells", () -> cluster.client().roots(Set.of(large, small)).size() == 2);
      cluster.startNode("b");
      cluster.startNode("c");
      cluster.awaitMembers(3);
      await("b and c know it", () -> cluster.knows("b") && cluster.knows("c"));
      try (ClusterReaders readers = new ClusterReaders(files, cluster, List.of("b", "c"))) {
        await("settled", () -> cluster.client().status().disputes().settled() == 2);
        await(
            "a's copies lost",
            () -> cluster.node("a").counters().get("root_disputes_lost_total") == 2);
        readers.alsoAt("a");
        readers.awaitRounds(3);
      }
      for (String path : files.keySet()) {
        Digest standing =
            cluster
                .client()
                .roots(Set.of(cluster.key("a", path)))
                .values()
                .iterator()
                .next()
                .root();
        assertEquals(Digests.rootOf(ByteBuffer.wrap(files.get(path))), standing);
      }
      assertTrue(cluster.node("a").counters().get("root_disputes_lost_total") == 2);
      assertEquals(0, cluster.node("b").counters().get("root_disputes_lost_total"));
      assertFalse(
          cluster.node("b").disputes().conflicts() + cluster.node("c").disputes().conflicts() == 0);
    }
  }

  /** What bytes that went wrong in memory before they were hashed leave behind. */
  private static void sealWrong(BlobStore store, BlobKey key, byte[] right) throws Exception {
    byte[] wrong = right.clone();
    wrong[wrong.length / 2] ^= 1;
    if (wrong.length <= 64 << 10) {
      store.putSmall(key, ByteBuffer.wrap(wrong), Trust.ATTESTED, Optional.empty());
      return;
    }
    try (Fill fill = store.openFill(key, wrong.length)) {
      fill.reserve(0, wrong.length);
      fill.write(0, ByteBuffer.wrap(wrong));
      List<Digest> digests = new ArrayList<>();
      for (int at = 0; at < wrong.length; at += MIB) {
        digests.add(Digests.ofBytes(ByteBuffer.wrap(wrong, at, Math.min(MIB, wrong.length - at))));
      }
      fill.complete(0, digests).get();
      fill.seal(Trust.ATTESTED, Optional.empty(), Optional.empty());
    }
  }

  private static long quarantined(WarmCluster cluster, String node) {
    return cluster.node(node).store().stats().counters().get("quarantined_total");
  }
}
