package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.TestGroup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftGroupIdProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
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
  private static final RaftGroupId GROUP = RaftGroupId.randomId();
  private static final ClientId CLIENT = ClientId.randomId();

  @TempDir Path directory;

  private final Applied machine = new Applied();
  private RaftServer server;
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
    Limits limits = Limits.defaults();
    TreeMap<String, String> peers =
        new TreeMap<>(Map.of("c1", "127.0.0.1:1", "c2", "127.0.0.1:2", "c3", "127.0.0.1:3"));
    RaftConfig config =
        new RaftConfig(
            directory,
            "c3",
            "127.0.0.1",
            0,
            peers,
            Duration.ofHours(1),
            limits.snapshotEvery(),
            1,
            limits.rocks());
    List<RaftPeer> group =
        peers.entrySet().stream()
            .map(each ->
                RaftPeer.newBuilder().setId(each.getKey()).setAddress(each.getValue()).build())
            .toList();
    server =
        RaftServer.newBuilder()
            .setServerId(RaftPeerId.valueOf("c3"))
            .setGroup(RaftGroup.valueOf(GROUP, group))
            .setStateMachine(machine)
            .setOption(RaftStorage.StartupOption.FORMAT)
            .setProperties(RaftSettings.of(config))
            .build();
    server.start();
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
    server.close();
  }

  @Test
  void whatIsAboutToBeReplacedIsNotCommitted() throws Exception {
    AppendEntriesRequestProto heartbeat = request("c1", 3, TermIndex.valueOf(3, 1), 1);
    AppendEntriesRequestProto guarded = CommitGuard.proven(heartbeat, log());
    assertEquals(0, guarded.getLeaderCommit());
    AppendEntriesReplyProto answer = send(guarded).get(10, TimeUnit.SECONDS);
    assertEquals(AppendResult.SUCCESS, answer.getResult());
    assertEquals(0, log().getLastCommittedIndex());
    assertFalse(replacing.isDone());

    machine.onDisk.complete(null);
    unwritten.get(10, TimeUnit.SECONDS);
    replacing.get(10, TimeUnit.SECONDS);
    AppendEntriesRequestProto again = CommitGuard.proven(heartbeat, log());
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

  private RaftLog log() throws Exception {
    return server.getDivision(GROUP).getRaftLog();
  }

  private CompletableFuture<AppendEntriesReplyProto> send(AppendEntriesRequestProto request)
      throws Exception {
    return server.appendEntriesAsync(request);
  }

  private void await(int count) {
    TestGroup.await(count + " are applied", () -> machine.applied.size() >= count);
  }

  private static AppendEntriesRequestProto request(
      String leader, long term, @Nullable TermIndex previous, long commit, TermIndex... entries) {
    AppendEntriesRequestProto.Builder request =
        AppendEntriesRequestProto.newBuilder()
            .setServerRequest(
                RaftRpcRequestProto.newBuilder()
                    .setRequestorId(ByteString.copyFromUtf8(leader))
                    .setReplyId(ByteString.copyFromUtf8("c3"))
                    .setRaftGroupId(RaftGroupIdProto.newBuilder().setId(GROUP.toByteString())))
            .setLeaderTerm(term)
            .setLeaderCommit(commit);
    if (previous != null) {
      request.setPreviousLog(previous.toProto());
    }
    for (TermIndex entry : entries) {
      request.addEntries(
          LogEntryProto.newBuilder()
              .setTerm(entry.getTerm())
              .setIndex(entry.getIndex())
              .setStateMachineLogEntry(
                  StateMachineLogEntryProto.newBuilder()
                      .setCallId(entry.getIndex() + 10 * entry.getTerm())
                      .setClientId(CLIENT.toByteString())
                      .setLogData(ByteString.copyFromUtf8("x"))));
    }
    return request.build();
  }
}
