package dev.larder.coordinator.raft;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftGroupIdProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.StateMachine;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;
import org.apache.ratis.util.LifeCycle;
import org.jspecify.annotations.Nullable;

/**
 * A real Ratis server c3 that stands for no election and is told by the test, as c1 or c2, what its
 * leader sends.
 */
final class ToldFollower implements AutoCloseable {
  private static final RaftGroupId GROUP = RaftGroupId.randomId();
  private static final ClientId CLIENT = ClientId.randomId();

  private final RaftServer server;
  private final Function<TermIndex, byte[]> data;

  private ToldFollower(RaftServer server, Function<TermIndex, byte[]> data) {
    this.server = server;
    this.data = data;
  }

  /**
   * Starts, or starts again on what is in the directory.
   *
   * @param data what the entry of a term and index holds
   */
  static ToldFollower start(Path directory, StateMachine machine, Function<TermIndex, byte[]> data)
      throws Exception {
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
    boolean known = Files.isDirectory(directory.resolve("raft"));
    RaftServer server =
        RaftServer.newBuilder()
            .setServerId(RaftPeerId.valueOf("c3"))
            .setGroup(RaftGroup.valueOf(GROUP, group))
            .setStateMachine(machine)
            .setOption(known ? RaftStorage.StartupOption.RECOVER : RaftStorage.StartupOption.FORMAT)
            .setProperties(RaftSettings.of(config))
            .build();
    server.start();
    return new ToldFollower(server, data);
  }

  RaftServer.Division division() {
    try {
      return server.getDivision(GROUP);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  RaftLog log() {
    return division().getRaftLog();
  }

  CompletableFuture<AppendEntriesReplyProto> send(AppendEntriesRequestProto request)
      throws Exception {
    return server.appendEntriesAsync(request);
  }

  AppendEntriesRequestProto request(
      String leader, long term, @Nullable TermIndex previous, long commit, TermIndex... entries) {
    return request(GROUP, data, leader, term, previous, commit, entries);
  }

  /** What a leader sends to c3 of a group. */
  static AppendEntriesRequestProto request(
      RaftGroupId group,
      Function<TermIndex, byte[]> data,
      String leader,
      long term,
      @Nullable TermIndex previous,
      long commit,
      TermIndex... entries) {
    AppendEntriesRequestProto.Builder request =
        AppendEntriesRequestProto.newBuilder()
            .setServerRequest(
                RaftRpcRequestProto.newBuilder()
                    .setRequestorId(ByteString.copyFromUtf8(leader))
                    .setReplyId(ByteString.copyFromUtf8("c3"))
                    .setRaftGroupId(RaftGroupIdProto.newBuilder().setId(group.toByteString())))
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
                      .setLogData(UnsafeByteOperations.unsafeWrap(data.apply(entry)))));
    }
    return request.build();
  }

  boolean isClosed() {
    return server.getLifeCycleState() == LifeCycle.State.CLOSED;
  }

  @Override
  public void close() throws Exception {
    server.close();
  }
}
