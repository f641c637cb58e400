package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.TestGroup;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.grpc.RaftServerProtocolServiceGrpc;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.thirdparty.io.grpc.ManagedChannel;
import org.apache.ratis.thirdparty.io.grpc.netty.GrpcSslContexts;
import org.apache.ratis.thirdparty.io.grpc.netty.NettyChannelBuilder;
import org.apache.ratis.thirdparty.io.grpc.stub.StreamObserver;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What comes through the Raft door of a whole node is looked at before Ratis takes it. */
@Timeout(60)
class RaftDoorTest {
  /** That of {@link RaftNode}. */
  private static final RaftGroupId GROUP =
      RaftGroupId.valueOf(
          UUID.nameUUIDFromBytes("larder-coordinator-1".getBytes(StandardCharsets.UTF_8)));

  @TempDir Path directory;

  private final BlockingQueue<AppendEntriesReplyProto> replies = new LinkedBlockingQueue<>();
  private TlsMaterial tls;

  @Test
  void aLeaderWithAnotherEntryThanACommittedOneEndsTheNode() throws Exception {
    tls = DevCa.create(directory.resolve("tls"), Clock.systemUTC()).material(Role.COORDINATOR);
    RaftNode node = start();
    ManagedChannel channel = channel(node.address().getPort());
    try (node) {
      StreamObserver<AppendEntriesRequestProto> door =
          RaftServerProtocolServiceGrpc.newStub(channel).appendEntries(new Replies());
      TermIndex first = TermIndex.valueOf(2, 0);
      assertEquals(AppendResult.SUCCESS, send(door, request("c2", 2, null, 0, first)));
      assertEquals(AppendResult.SUCCESS, send(door, request("c2", 2, first, 0)));
      TestGroup.await("it is applied", () -> node.appliedIndex() == 0);
      assertEquals(1, node.readLocal(Queries::datasetList).datasets().size());

      door.onNext(request("c1", 3, null, 0, TermIndex.valueOf(3, 0)));
      TestGroup.await("it ends", node::hasEnded);
      LarderException told =
          assertThrows(LarderException.class, () -> node.readLocal(Queries::datasetList));
      assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, told.code());
      assertTrue(String.valueOf(told.getMessage()).contains("replace it"), told::toString);
    } finally {
      channel.shutdownNow();
    }
    LarderException refused = assertThrows(LarderException.class, this::start);
    assertEquals(ErrorCode.STORE_CORRUPT, refused.code());
    assertTrue(
        String.valueOf(refused.getMessage()).contains("entry 0 is committed here of term 2"),
        refused::toString);
  }

  /** Of three, of whom no other runs; it stands for no election. */
  private RaftNode start() {
    Limits limits = Limits.defaults();
    RaftConfig config =
        new RaftConfig(
            directory.resolve("c3"),
            "c3",
            "127.0.0.1",
            0,
            new TreeMap<>(Map.of("c1", "127.0.0.1:1", "c2", "127.0.0.1:2", "c3", "127.0.0.1:3")),
            Duration.ofHours(1),
            limits.snapshotEvery(),
            1,
            limits.rocks());
    return RaftNode.start(
        config, tls, RaftEvents.NONE, Duration.ofMillis(1), RaftNode.Reads.LINEAR);
  }

  private ManagedChannel channel(int port) throws Exception {
    return NettyChannelBuilder.forAddress("127.0.0.1", port)
        .sslContext(
            GrpcSslContexts.forClient().keyManager(tls.keys()).trustManager(tls.trust()).build())
        .build();
  }

  private static AppendEntriesRequestProto request(
      String leader, long term, @Nullable TermIndex previous, long commit, TermIndex... entries) {
    return ToldFollower.request(
        GROUP, DivergenceTest::record, leader, term, previous, commit, entries);
  }

  private AppendResult send(
      StreamObserver<AppendEntriesRequestProto> door, AppendEntriesRequestProto request)
      throws Exception {
    door.onNext(request);
    AppendEntriesReplyProto reply = replies.poll(20, TimeUnit.SECONDS);
    return reply == null ? AppendResult.UNRECOGNIZED : reply.getResult();
  }

  private final class Replies implements StreamObserver<AppendEntriesReplyProto> {
    @Override
    public void onNext(AppendEntriesReplyProto reply) {
      replies.add(reply);
    }

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }
}
