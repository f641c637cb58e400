package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.ListenableFuture;
import dev.larder.coordinator.api.GrpcStatuses;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.api.v1.CoordinatorGrpc;
import dev.larder.coordinator.api.v1.GetHoldersRequest;
import dev.larder.coordinator.api.v1.GetHoldersResponse;
import dev.larder.coordinator.api.v1.HealthGrpc;
import dev.larder.coordinator.api.v1.PingRequest;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.testkit.Records;
import io.grpc.ManagedChannel;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where lookups wait at a door that works on one request at a time, while all readers are busy. */
class LookupDoorTest {
  private static final int FLOOD = 40;

  @TempDir Path data;

  private final CountDownLatch gate = new CountDownLatch(1);
  private TestCoordinator coordinator;
  private RaftNode node;
  private final List<ManagedChannel> channels = new ArrayList<>();

  @BeforeEach
  void start() throws Exception {
    CoordinatorConfig.Limits one = Records.with(TestCoordinator.defaults(), "requestsMax", 1);
    coordinator = TestCoordinator.start(data, one, Clock.systemUTC());
    node = coordinator.server().node();
    CountDownLatch held = new CountDownLatch(one.rocks().readThreads());
    while (held.getCount() > 0) {
      long before = held.getCount();
      node.readersOrElse(Runnable::run)
          .execute(() -> {
            held.countDown();
            awaitDeaf(gate);
          });
      TestGroup.await("a reader is held", () -> held.getCount() < before);
    }
  }

  @AfterEach
  void end() {
    gate.countDown();
    channels.forEach(ManagedChannel::shutdownNow);
    coordinator.close();
  }

  @Test
  void aLookupBeginsWhereTheTablesAreRead() throws Exception {
    ListenableFuture<GetHoldersResponse> lookup = lookup(1);
    TestGroup.await("it waits for a reader", () -> node.readsWaiting() == 1);
    // Begun elsewhere, it would be the one request that is worked on.
    assertTrue(
        HealthGrpc.newBlockingStub(channel()).ping(PingRequest.getDefaultInstance()).getLeader());
    gate.countDown();
    assertEquals(0, lookup.get(30, TimeUnit.SECONDS).getMemberIdsCount());
  }

  @Test
  void moreThanAFewThatWaitAreRefusedAtOnce() throws Exception {
    List<ListenableFuture<GetHoldersResponse>> all = new ArrayList<>();
    for (int i = 0; i < FLOOD; i++) {
      all.add(lookup(i));
    }
    TestGroup.await("some are refused", () -> all.stream().anyMatch(LookupDoorTest::isRefused));
    assertTrue(node.readsWaiting() < FLOOD / 2, "few wait: " + node.readsWaiting());
  }

  /** One for each call: a connection takes as many at once as the door works on. */
  private ManagedChannel channel() throws SSLException {
    TlsMaterial agent = coordinator.ca().agent(NodeNames.ANY);
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("localhost", coordinator.server().address().getPort())
            .sslContext(
                GrpcSslContexts.configure(
                        SslContextBuilder.forClient()
                            .keyManager(agent.keys())
                            .trustManager(agent.trust()),
                        SslProvider.JDK)
                    .build())
            .build();
    channels.add(channel);
    return channel;
  }

  private ListenableFuture<GetHoldersResponse> lookup(int number) throws SSLException {
    return CoordinatorGrpc.newFutureStub(channel())
        .getHolders(GetHoldersRequest.newBuilder().setKey(Samples.key(number).toString()).build());
  }

  private static boolean isRefused(ListenableFuture<GetHoldersResponse> lookup) {
    if (!lookup.isDone()) {
      return false;
    }
    try {
      lookup.get();
      return false;
    } catch (ExecutionException e) {
      return GrpcStatuses.fromGrpc((RuntimeException) e.getCause()).code() == ErrorCode.TOO_MANY;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void awaitDeaf(CountDownLatch gate) {
    try {
      assertTrue(gate.await(60, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
