package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.TestGroup;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.logic.RecordCodec;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.server.protocol.TermIndex;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A follower applied what its leader said is committed, and the next leader replaces it: Raft does
 * not do that, but libraries and disks have their faults. Each entry defines a dataset that is
 * named by its term and index.
 */
@Timeout(60)
class DivergenceTest {
  @TempDir Path directory;

  private SlowDisk machine;
  private ToldFollower follower;

  private void start() throws Exception {
    machine = new SlowDisk(tables());
    follower = ToldFollower.start(directory, machine, DivergenceTest::record);
  }

  /** Entries from the third on are not on its disk until that goes on. */
  private static final class SlowDisk extends CoordinatorStateMachine {
    final CompletableFuture<Void> goesOn = new CompletableFuture<>();

    SlowDisk(Path tables) {
      super(tables, Limits.defaults().rocks(), false, RaftEvents.NONE);
    }

    @Override
    public CompletableFuture<Void> flush(long index) {
      return index >= 2 ? goesOn : CompletableFuture.completedFuture(null);
    }
  }

  private void sendTwoOfTermTwo() throws Exception {
    send("c2", 2, null, 0, TermIndex.valueOf(2, 0));
    send("c2", 2, TermIndex.valueOf(2, 0), 0, TermIndex.valueOf(2, 1));
  }

  /**
   * The second entry is taken for committed while the next leader's, which replaces it, waits for
   * the disk: a defect that {@link CommitGuard} stands before.
   */
  @Test
  void whatWasAppliedAndIsReplacedEndsIt() throws Exception {
    start();
    sendTwoOfTermTwo();
    final List<CompletableFuture<?>> waiting =
        List.of(
            ask("c2", 2, TermIndex.valueOf(2, 1), 0, TermIndex.valueOf(2, 2)),
            ask("c1", 3, TermIndex.valueOf(2, 0), 0, TermIndex.valueOf(3, 1)));
    send("c1", 3, TermIndex.valueOf(3, 1), 1);
    await(List.of("t2-0", "t2-1"));
    assertEquals(1, machine.takeSnapshot());
    machine.goesOn.complete(null);
    assertEndsFor("entry 1 was committed and is replaced in its log");
    for (CompletableFuture<?> each : waiting) {
      each.handle((answer, failure) -> null).get(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void aLeaderWithAnotherEntryThanACommittedOneEndsIt() throws Exception {
    start();
    sendTwoOfTermTwo();
    send("c2", 2, TermIndex.valueOf(2, 1), 1);
    await(List.of("t2-0", "t2-1"));
    AppendEntriesRequestProto deposed =
        follower.request("c3", 1, TermIndex.valueOf(1, 0), 0, TermIndex.valueOf(1, 1));
    AppendEntriesRequestProto entry =
        follower.request("c1", 3, TermIndex.valueOf(2, 0), 1, TermIndex.valueOf(3, 1));
    AppendEntriesRequestProto previous =
        follower.request("c1", 3, TermIndex.valueOf(3, 1), 1, TermIndex.valueOf(3, 2));
    AppendEntriesRequestProto again =
        follower.request("c1", 3, TermIndex.valueOf(2, 0), 1, TermIndex.valueOf(2, 1));
    assertEquals("", CommitGuard.other(again, follower.log()));
    String other = "entry 1 is committed here of term 2, and of term 3 at the leader of term 3";
    assertEquals(other, CommitGuard.other(previous, follower.log()));
    assertEquals(other, CommitGuard.other(entry, follower.log()));

    List<String> said = new ArrayList<>();
    CommitGuard guard = new CommitGuard(follower::division, said::add);
    guard.looked(deposed);
    assertEquals(List.of(), said, "it was not told yet that it does not lead any more");
    guard.looked(entry);
    assertEquals(List.of(other), said);
    machine.diverged(said.getFirst());
    assertEndsFor(other);
  }

  @Test
  void anotherTermInTheLogIsNoticedWhenItIsReplayed() throws Exception {
    start();
    sendTwoOfTermTwo();
    send("c2", 2, TermIndex.valueOf(2, 1), 1);
    await(List.of("t2-0", "t2-1"));
    follower.close();
    Path kept = directory.resolve("kept");
    Files.move(tables(), kept);
    DurableFiles.deleteTree(directory.resolve("raft"));
    Files.move(kept, tables());

    start();
    send("c1", 3, null, 0, TermIndex.valueOf(3, 0));
    send("c1", 3, TermIndex.valueOf(3, 0), 0, TermIndex.valueOf(3, 1));
    send("c1", 3, TermIndex.valueOf(3, 1), 1);
    assertEndsFor("its tables were made by entry 1 of term 2, its log has that entry of term 3");
  }

  /** No answer any more, no snapshot, and no later start. */
  private void assertEndsFor(String how) throws Exception {
    TestGroup.await("it ends", machine::hasEnded);
    LarderException ended = assertThrows(LarderException.class, this::datasets);
    assertEquals(ErrorCode.CLOSED, ended.code());
    assertNull(machine.getLatestSnapshot());
    assertTrue(machine.takeSnapshot() < 0);
    TestGroup.await("its server is closed", follower::isClosed);
    Throwable refused = assertThrows(Exception.class, this::start);
    while (!(refused instanceof LarderException) && refused.getCause() != null) {
      refused = refused.getCause();
    }
    assertTrue(refused.getMessage().contains(how), refused.toString());
    assertTrue(refused.getMessage().contains("larder coordinators replace"), refused.toString());
  }

  private void send(
      String leader, long term, @Nullable TermIndex previous, long commit, TermIndex... entries)
      throws Exception {
    ask(leader, term, previous, commit, entries).get(10, TimeUnit.SECONDS);
  }

  private CompletableFuture<?> ask(
      String leader, long term, @Nullable TermIndex previous, long commit, TermIndex... entries)
      throws Exception {
    return follower.send(follower.request(leader, term, previous, commit, entries));
  }

  private void await(List<String> names) {
    TestGroup.await(
        names + " are applied",
        () ->
            machine.getLastAppliedTermIndex() != null
                && machine.getLastAppliedTermIndex().getIndex() >= names.size() - 1
                && datasets().equals(names));
  }

  private List<String> datasets() {
    return machine.state().query(Queries::datasetList).datasets().stream()
        .map(DatasetDefinition::name)
        .map(DatasetName::toString)
        .toList();
  }

  static byte[] record(TermIndex at) {
    DatasetName name = new DatasetName("t" + at.getTerm() + "-" + at.getIndex());
    return RecordCodec.encode(
        new Record.CreateDataset(
            name, "file:///" + name, Map.of(), Instant.EPOCH, "request-" + name));
  }

  private Path tables() {
    return directory.resolve("state");
  }
}
