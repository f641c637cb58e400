package dev.larder.dist;

import static dev.larder.dist.WarmCluster.NAME;
import static dev.larder.dist.WarmCluster.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.NodeServices;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.Role;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What goes wrong around the coordinators, with readers on all nodes that bring every byte in again
 * each round and compare it: they see right bytes and no fault, and nothing acknowledged is lost.
 */
@Timeout(300)
class ClusterFaultsTest {
  private static final int MIB = 1 << 20;
  private static final Duration HALF_AN_HOUR = Duration.ofMinutes(30);
  private static final List<String> NODES = List.of("a", "b", "c");

  @TempDir Path root;

  private Map<String, byte[]> content = Map.of();

  private void nodes(WarmCluster cluster) throws Exception {
    cluster.objects("large", 2, 3 * MIB + 5);
    cluster.objects("small", 4, 20_000);
    for (String id : NODES) {
      cluster.startNode(id, "node.zone=z");
    }
    cluster.awaitMembers(NODES.size());
    // Or the one that joined last makes another list when it becomes active.
    await("all of them are active", () -> areActive(cluster.client().members()));
    cluster.dataset("a");
    for (String id : NODES) {
      await(id + " knows the dataset", () -> cluster.knows(id));
    }
    content = cluster.content();
  }

  @Test
  void leaderLostMajorityLostAndBothBack() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 3)) {
      nodes(cluster);
      CoordinatorClient client = cluster.client();
      try (ClusterReaders readers = ClusterReaders.cold(content, cluster, NODES)) {
        readers.awaitRounds(1);
        pin(client, "before");
        String first = cluster.stopLeader();
        readers.awaitRounds(2);
        await("another leads", () -> pin(client, "between"));
        String second = cluster.stopLeader();
        await(
            "it is seen",
            () ->
                NODES.stream()
                    .allMatch(
                        node -> cluster.node(node).gauges().get("coordinator_majority") == 0));
        readers.awaitRounds(2);
        LarderException refused =
            assertThrows(LarderException.class, () -> pin(client, "without a majority"));
        assertTrue(
            refused.code() == ErrorCode.COORDINATOR_UNAVAILABLE
                || refused.code() == ErrorCode.DEADLINE,
            refused.toString());
        cluster.startCoordinatorAgain(first);
        cluster.startCoordinatorAgain(second);
        await("changes again", () -> pin(client, "after"));
        readers.awaitRounds(1);
      }
      List<String> pinned = pinned(client);
      assertTrue(pinned.containsAll(List.of("before", "between", "after")), pinned.toString());
    }
  }

  @Test
  void stepsOfTheClockByAnHourRemoveNobodyEndNothingAndStopNoReader() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 3)) {
      nodes(cluster);
      // Clocks that have been right for long; those of a moment ago are believed anew soon.
      cluster.later(Duration.ofHours(2));
      CoordinatorClient client = cluster.client();
      client.pin(new NewPin(NAME, 0, "for a time", Optional.empty()), HALF_AN_HOUR);
      // Nobody is meant by it: the readers here delete what they have read.
      String warm =
          client.warmUp(new NewWarmUp(NAME, 1, "small", "nobody", HALF_AN_HOUR, true, "")).id();
      try (ClusterReaders readers = ClusterReaders.cold(content, cluster, NODES)) {
        // Those who joined last may still be on their way into the list.
        readers.awaitRounds(2);
        final MemberList before = client.members();
        String leader = client.status().leaderId();
        for (Duration step :
            List.of(Duration.ofHours(1), Duration.ofHours(-1), Duration.ofHours(2))) {
          cluster.ahead(step);
          pin(client, "at " + step);
          readers.awaitRounds(2);
          MemberList now = client.members();
          assertEquals(before.epoch(), now.epoch(), step.toString());
          assertEquals(ids(before), ids(now));
          for (String node : NODES) {
            assertEquals(1, cluster.node(node).gauges().get("coordinator_available"));
          }
          assertStanding(client, warm);
          assertEquals(step.toSeconds(), cluster.clockOff(leader), 2);
          assertClocksAreShown(cluster, step);
        }
        // The next leader has not believed the last step either.
        cluster.stopCoordinator(leader);
        await("another leads", () -> pin(client, "by another"));
        readers.awaitRounds(2);
        assertStanding(client, warm);
        cluster.ahead(Duration.ZERO);
        cluster.startCoordinatorAgain(leader);
        readers.awaitRounds(2);
        assertStanding(client, warm);
        for (String each : cluster.running()) {
          assertEquals(0, cluster.clockOff(each), each);
          await(
              "nobody's clock is shown",
              () -> cluster.causes("a", each).stream().noneMatch(told -> told.startsWith("clock")));
          assertTrue(
              cluster.metrics(each).contains("\nlarder_coordinator_clock_off_seconds 0.0\n"));
        }
        assertEquals(ids(before), ids(client.members()));
        // They end in their time.
        cluster.later(HALF_AN_HOUR);
        await("the warm-up is over", () -> cluster.warmUp(warm).state().equals("expired"));
        assertFalse(pinned(client).contains("for a time"));
        assertTrue(pinned(client).contains("by another"));
        readers.awaitRounds(1);
      }
    }
  }

  /** Each coordinator's, whichever of them a node asks. */
  private static void assertClocksAreShown(WarmCluster cluster, Duration step) {
    // In whole seconds, of which one may begin between two looks.
    Pattern cause =
        Pattern.compile(
            "clock: its host's clock is (\\d+) s (ahead|behind) and is not believed; set it right");
    String way = step.isNegative() ? "behind" : "ahead";
    for (String coordinator : cluster.running()) {
      await(
          coordinator + " is shown to be " + step + " off",
          () ->
              cluster.causes("a", coordinator).stream()
                  .map(cause::matcher)
                  .anyMatch(said ->
                      said.matches()
                          && said.group(2).equals(way)
                          && Math.abs(Long.parseLong(said.group(1)) - step.abs().toSeconds())
                              <= 2));
      Matcher metric =
          Pattern.compile("(?m)^larder_coordinator_clock_off_seconds (\\S+)$")
              .matcher(cluster.metrics(coordinator));
      assertTrue(metric.find(), coordinator);
      assertEquals(step.toSeconds(), Double.parseDouble(metric.group(1)), 2, coordinator);
    }
  }

  private static void assertStanding(CoordinatorClient client, String warmUp) {
    assertTrue(pinned(client).contains("for a time"), pinned(client).toString());
    assertTrue(
        client.warmUps().stream()
            .anyMatch(each -> each.job().id().equals(warmUp) && each.job().isStanding()));
  }

  private static List<String> pinned(CoordinatorClient client) {
    return client.pins().stream().map(each -> each.pin().glob()).toList();
  }

  @Test
  void aClientCannotSpeakAsANode() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      nodes(cluster);
      MemberList before = cluster.client().members();
      BlobKey key = cluster.key("a", content.keySet().iterator().next());
      try (ClusterReaders readers = ClusterReaders.cold(content, cluster, NODES);
          CoordinatorClient intruder = cluster.client(Role.CLIENT)) {
        readers.awaitRounds(1);
        RecordedRoot lie = new RecordedRoot(key, 5, new Digest(1, 2, 3, 4), Trust.VERIFIED, "a");
        assertRefused(() -> intruder.recordRoots(List.of(lie)));
        assertRefused(() -> intruder.join(MemberInfo.joining("x", "127.0.0.1:1", "", Map.of(), 1)));
        assertRefused(() -> intruder.work("a"));
        assertRefused(
            () -> intruder.movePin(new NewPin(NAME, 0, "g", Optional.empty(), "a", 0, 0), "b"));
        // What is a client's own goes on.
        assertEquals(ids(before), ids(intruder.members()));
        readers.awaitRounds(2);
        String cause = "refused: refused 4 calls since its start: role 4";
        await("nodes show it", () -> cluster.causes("b", "c1").equals(List.of(cause)));
        assertTrue(
            cluster
                .metrics("c1")
                .contains("\nlarder_coordinator_refused_total{reason=\"role\"} 4.0\n"));
      }
      assertEquals(before.epoch(), cluster.client().members().epoch());
      assertEquals(0, cluster.client().status().disputes().open());
    }
  }

  @Test
  void aNodeThatSpeaksInAnothersNameIsRefusedAndReadersGoOn() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      nodes(cluster);
      final MemberList before = cluster.client().members();
      BlobKey key = cluster.key("a", content.keySet().iterator().next());
      try (ClusterReaders readers = ClusterReaders.cold(content, cluster, NODES);
          CoordinatorClient x = cluster.agent("x")) {
        readers.awaitRounds(1);
        RecordedRoot lie = new RecordedRoot(key, 5, new Digest(1, 2, 3, 4), Trust.VERIFIED, "a");
        assertRefused(() -> x.recordRoots(List.of(lie)));
        assertRefused(() -> x.join(MemberInfo.joining("b", "127.0.0.1:1", "", Map.of(), 1)));
        LarderException alive = assertThrows(LarderException.class, () -> x.leave("b"));
        assertEquals(ErrorCode.BAD_REQUEST, alive.code());
        // A whole agent with the certificate of x that calls itself d: neither coordinators nor
        // trackers hear it, and its own readers get their bytes all the same.
        NodeServices d = cluster.startNodeShowing("d", "x");
        await("it is told why", () -> d.coordinatorProblem().contains("larder://node/d"));
        await("it knows the dataset", () -> cluster.knows("d"));
        readers.alsoAt("d");
        readers.awaitRounds(2);
        assertTrue(d.counters().get("origin_bytes_total") > 0);
      }
      assertEquals(ids(before), ids(cluster.client().members()));
      assertEquals(0, cluster.client().status().disputes().open());
    }
  }

  private static void assertRefused(org.junit.jupiter.api.function.Executable call) {
    assertEquals(ErrorCode.UNAUTHENTICATED, assertThrows(LarderException.class, call).code());
  }

  @Test
  void aHundredJoinAtOnceUnderReaders() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      nodes(cluster);
      long before = cluster.client().members().epoch();
      try (ClusterReaders readers = ClusterReaders.cold(content, cluster, NODES);
          ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        readers.awaitRounds(1);
        long began = System.nanoTime();
        List<CompletableFuture<Void>> joins = new ArrayList<>();
        for (int n = 0; n < 100; n++) {
          // Nobody answers there: who is sent to one of them must get on without it.
          MemberInfo member =
              MemberInfo.joining("n" + n, "127.0.0.1:1", "z" + n % 3, Map.of(), 1L << 30);
          joins.add(CompletableFuture.runAsync(() -> cluster.client().join(member), threads));
        }
        joins.forEach(CompletableFuture::join);
        cluster.awaitMembers(100 + NODES.size());
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
        assertTrue(millis < 30_000, "all knew all after " + millis + " ms");
        readers.awaitRounds(2);
      }
      long epochs = cluster.client().members().epoch() - before;
      assertTrue(epochs < 50, epochs + " lists for a hundred that came at once");
    }
  }

  @Test
  void whoWasRemovedAndHasAnOldListComesBack() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      nodes(cluster);
      try (ClusterReaders readers = ClusterReaders.cold(content, cluster, NODES)) {
        readers.awaitRounds(1);
        for (int round = 0; round < 3; round++) {
          long before = cluster.client().members().epoch();
          cluster.client().leave("b");
          cluster.client().join(MemberInfo.joining("x" + round, "127.0.0.1:1", "", Map.of(), 1));
          await(
              "b is a member of a later list again",
              () -> {
                MemberList now = cluster.client().members();
                return now.epoch() > before && ids(now).contains("b");
              });
          readers.awaitRounds(1);
        }
        await(
            "all have the newest list",
            () -> {
              long newest = cluster.client().members().epoch();
              return NODES.stream()
                  .allMatch(node -> cluster.node(node).gauges().get("cluster_epoch") == newest);
            });
        readers.awaitRounds(1);
      }
    }
  }

  @Test
  void aTornSnapshotIsPassedOverUnderReaders() throws Exception {
    try (WarmCluster cluster = WarmCluster.start(root, 3, 20)) {
      nodes(cluster);
      CoordinatorClient client = cluster.client();
      try (ClusterReaders readers = ClusterReaders.cold(content, cluster, NODES)) {
        for (int n = 0; n < 60; n++) {
          pin(client, "g" + n);
        }
        String id = cluster.running().getFirst();
        await("a snapshot", () -> !snapshots(cluster.coordinatorDirectory(id)).isEmpty());
        cluster.stopCoordinator(id);
        for (Path snapshot : snapshots(cluster.coordinatorDirectory(id))) {
          tear(snapshot);
        }
        readers.awaitRounds(1);
        cluster.startCoordinatorAgain(id);
        await(
            "it hears again",
            () ->
                client.coordinators().stream()
                    .filter(each -> each.id().equals(id))
                    .allMatch(each ->
                        each.leader()
                            || (each.silentMillis() >= 0 && each.silentMillis() < 2_000)));
        assertFalse(
            named(cluster.coordinatorDirectory(id), "invalid-snapshot\\..*").isEmpty(),
            "a torn snapshot was taken for whole");
        for (String node : NODES) {
          await(
              node + " shows it",
              () ->
                  cluster.causes(node, id).stream()
                      .anyMatch(each ->
                          each.startsWith("snapshots: ")
                              && each.endsWith("set aside as invalid-…; its disk may be failing")));
        }
        assertTrue(
            Pattern.compile("(?m)^larder_coordinator_snapshots_set_aside [1-9]")
                .matcher(cluster.metrics(id))
                .find());
        for (String other : cluster.running()) {
          if (!other.equals(id)) {
            cluster.stopCoordinator(other);
            break;
          }
        }
        // The one with the torn snapshot counts for the majority now.
        await("changes go on", () -> pin(client, "last"));
        readers.awaitRounds(2);
      }
      assertEquals(61, client.pins().size());
    }
  }

  private static List<Path> snapshots(Path directory) {
    return named(directory, "snapshot\\.\\d+_\\d+");
  }

  private static List<Path> named(Path directory, String pattern) {
    try (Stream<Path> all = Files.walk(directory)) {
      return all.filter(path -> String.valueOf(path.getFileName()).matches(pattern)).toList();
    } catch (IOException | java.io.UncheckedIOException e) {
      // A folder went while it was walked.
      return List.of();
    }
  }

  /** As a crash before the blocks were on the disk leaves it: a file is cut in the middle. */
  private static void tear(Path snapshot) throws IOException {
    try (Stream<Path> all = Files.walk(snapshot)) {
      Path victim =
          all.filter(Files::isRegularFile)
              .filter(
                  file -> file.toString().endsWith(".sst") || file.toString().contains("MANIFEST"))
              .findFirst()
              .orElseThrow();
      byte[] whole = Files.readAllBytes(victim);
      Files.write(victim, java.util.Arrays.copyOf(whole, whole.length / 2));
    }
  }

  @Test
  void aFullDiskOfTheCoordinatorRefusesChangesAndStopsNoReader() throws Exception {
    Needs.root();
    Path small = Files.createDirectories(root.resolve("c1"));
    command("mount", "-t", "tmpfs", "-o", "size=192m", "larder-test", small.toString());
    try (WarmCluster cluster = WarmCluster.start(root, 1)) {
      nodes(cluster);
      CoordinatorClient client = cluster.client();
      try (ClusterReaders readers = ClusterReaders.cold(content, cluster, NODES)) {
        pin(client, "before");
        Path ballast = small.resolve("ballast");
        fill(ballast);
        await("changes are refused", () -> isRefused(client));
        // One may have been taken before the room was looked at; from now on none is.
        final int taken = client.pins().size();
        readers.awaitRounds(2);
        assertEquals(NODES, ids(client.members()), "reads of the coordinator go on");
        assertTrue(isRefused(client));
        assertTrue(taken == 1 || taken == 2, taken + " pins");
        assertEquals(taken, client.pins().size());
        await(
            "nodes show it",
            () ->
                cluster.causes("a", "c1").stream().anyMatch(each -> each.startsWith("full: its")));
        assertTrue(cluster.metrics("c1").contains("\nlarder_coordinator_disk_full 1.0\n"));
        Files.delete(ballast);
        await("changes again", () -> pin(client, "after"));
        await("nodes show that", () -> cluster.causes("a", "c1").isEmpty());
        readers.awaitRounds(1);
      }
      assertTrue(client.pins().size() >= 2);
    } finally {
      command("umount", "-l", small.toString());
    }
  }

  private static boolean isRefused(CoordinatorClient client) {
    try {
      client.pin(new NewPin(NAME, 0, "full", Optional.empty()));
      return false;
    } catch (LarderException e) {
      assertEquals(ErrorCode.STORE_FULL, e.code());
      assertTrue(client.status().full().contains("coordinator.free-space-min"));
      return true;
    }
  }

  /** Takes all but some hundred kilobytes. */
  private static void fill(Path ballast) throws IOException {
    byte[] piece = new byte[256 << 10];
    try (var out = Files.newOutputStream(ballast)) {
      while (Files.getFileStore(ballast).getUsableSpace() > 700 << 10) {
        out.write(piece);
      }
    }
  }

  private static void command(String... command) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
  }

  private static boolean pin(CoordinatorClient client, String glob) {
    client.pin(new NewPin(NAME, 0, glob, Optional.empty()));
    return true;
  }

  private static boolean areActive(MemberList list) {
    return list.members().stream().allMatch(member -> member.state() == MemberState.ACTIVE);
  }

  private static List<String> ids(MemberList list) {
    return list.members().stream().map(MemberInfo::id).toList();
  }
}
