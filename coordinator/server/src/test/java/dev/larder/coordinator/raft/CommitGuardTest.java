package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.larder.coordinator.TestGroup;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A deposed leader of a real Ratis server, whose own last entry is about to be replaced, hears from
 * the new one how far it got before it has written what the new one sent.
 */
@Timeout(60)
class CommitGuardTest {
  @TempDir Path directory;

  private final Applied machine = new Applied();
  private ToldFollower follower;
  private CompletableFuture<AppendEntriesReplyProto> unwritten;
  private CompletableFuture<AppendEntriesReplyProto> replacing;

  /** Notes what is applied; its files are not on disk from some entry on. */
  private static final class Applied extends BaseStateMachine {
    final List<TermIndex> applied = new CopyOnWriteArrayList<>();
    final CompletableFuture<Void> onDisk = new CompletableFuture<>();

    @Override
    public CompletableFuture<Message> applyTransaction(TransactionContext context) {
      TermIndex at = TermIndex.valueOf(context.getLogEntry());
      applied.add(at);
      updateLastAppliedTermIndex(at);
      return CompletableFuture.completedFuture(Message.EMPTY);
    }

    @Override
    public CompletableFuture<Void> flush(long index) {
      return index >= 2 ? onDisk : CompletableFuture.completedFuture(null);
    }
  }

  @BeforeEach
  void start() throws Exception {
    follower = ToldFollower.start(directory, machine, at -> new byte[] {'x'});
    // Two entries of term 2, the first of them committed.
    send(request("c2", 2, null, 0, TermIndex.valueOf(2, 0))).get(10, TimeUnit.SECONDS);
    send(request("c2", 2, TermIndex.valueOf(2, 0), 0, TermIndex.valueOf(2, 1)))
        .get(10, TimeUnit.SECONDS);
    // A third one that hangs on its way to the disk, and all behind it.
    unwritten = send(request("c2", 2, TermIndex.valueOf(2, 1), 0, TermIndex.valueOf(2, 2)));
    replacing = send(request("c1", 3, TermIndex.valueOf(2, 0), 1, TermIndex.valueOf(3, 1)));
  }

  @AfterEach
  void end() throws Exception {
    machine.onDisk.complete(null);
    follower.close();
  }

  @Test
  void whatIsAboutToBeReplacedIsNotCommitted() throws Exception {
    AppendEntriesRequestProto heartbeat = request("c1", 3, TermIndex.valueOf(3, 1), 1);
    AppendEntriesRequestProto guarded = CommitGuard.proven(heartbeat, follower.log());
    assertEquals(0, guarded.getLeaderCommit());
    AppendEntriesReplyProto answer = send(guarded).get(10, TimeUnit.SECONDS);
    assertEquals(AppendResult.SUCCESS, answer.getResult());
    assertEquals(0, follower.log().getLastCommittedIndex());
    assertFalse(replacing.isDone());

    machine.onDisk.complete(null);
    unwritten.get(10, TimeUnit.SECONDS);
    replacing.get(10, TimeUnit.SECONDS);
    AppendEntriesRequestProto again = CommitGuard.proven(heartbeat, follower.log());
    assertEquals(heartbeat, again, "now both logs have it");
    send(again).get(10, TimeUnit.SECONDS);
    await(2);
    assertEquals(List.of(TermIndex.valueOf(2, 0), TermIndex.valueOf(3, 1)), machine.applied);
  }

  /** When this fails, Ratis has mended it, and the guard may go. */
  @Test
  void withoutTheGuardItIsApplied() throws Exception {
    send(request("c1", 3, TermIndex.valueOf(3, 1), 1)).get(10, TimeUnit.SECONDS);
    await(2);
    assertEquals(TermIndex.valueOf(2, 1), machine.applied.getLast());
  }

  @Test
  void nothingIsProvenWithoutALog() {
    AppendEntriesRequestProto heartbeat = request("c1", 3, TermIndex.valueOf(3, 1), 1);
    assertEquals(RaftLog.INVALID_LOG_INDEX, CommitGuard.proven(heartbeat, null).getLeaderCommit());
  }

  private CompletableFuture<AppendEntriesReplyProto> send(AppendEntriesRequestProto request)
      throws Exception {
    return follower.send(request);
  }

  private void await(int count) {
    TestGroup.await(count + " are applied", () -> machine.applied.size() >= count);
  }

  private AppendEntriesRequestProto request(
      String leader, long term, @Nullable TermIndex previous, long commit, TermIndex... entries) {
    return follower.request(leader, term, previous, commit, entries);
  }
}
