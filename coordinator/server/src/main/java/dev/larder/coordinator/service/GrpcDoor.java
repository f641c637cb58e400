package dev.larder.coordinator.service;

import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.api.v1.CoordinatorGrpc;
import dev.larder.coordinator.api.v1.HealthGrpc;
import dev.larder.coordinator.api.v1.PingRequest;
import dev.larder.coordinator.api.v1.PingResponse;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.ServerInterceptors;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The gRPC server: mutual TLS, roles, bounds. Handlers run on virtual threads, as they wait for
 * majorities, but for lookups; the tables are read on platform threads of the Raft node.
 */
public final class GrpcDoor implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GrpcDoor.class);
  private static final int MESSAGE_BYTES_MAX = 4 << 20;
  private static final int HEADER_BYTES_MAX = 8 << 10;
  // Longer than a client keeps a connection that it does not use.
  private static final int IDLE_MINUTES = 10;
  private static final int LOOPS_END_SECONDS = 2;
  private static final int HANDSHAKE_SECONDS_MAX = 10;
  // Clients ask every ten seconds whether this host is still there.
  private static final int KEEP_ALIVE_SECONDS_MIN = 8;
  // A client whose host is gone says nothing: its stream must not stay for ever.
  private static final int KEEP_ALIVE_SECONDS = 30;
  private static final int KEEP_ALIVE_WAIT_SECONDS = 15;

  private final Server server;
  private final ExecutorService handlers;
  private final List<EventLoopGroup> loops;
  private final Limits limits;
  private final Refusals refusals;

  private GrpcDoor(
      Server server,
      ExecutorService handlers,
      List<EventLoopGroup> loops,
      Limits limits,
      Refusals refusals) {
    this.refusals = refusals;
    this.server = server;
    this.handlers = handlers;
    this.loops = loops;
    this.limits = limits;
  }

  /**
   * Binds and serves.
   *
   * @param readers says where what only reads the tables is to run, given where it else would; must
   *     not wait
   * @param refusals counts the calls that are refused
   * @throws LarderException BAD_CONFIG when the address cannot be bound
   */
  public static GrpcDoor open(
      InetSocketAddress listen,
      TlsMaterial tls,
      LocalCoordinator coordinator,
      UnaryOperator<Executor> readers,
      BooleanSupplier leads,
      Limits limits,
      Refusals refusals) {
    ExecutorService handlers =
        Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("coordinator-request-", 0).factory());
    EventLoopGroup accepting = BoundedLoops.accepting();
    BoundedLoops serving =
        new BoundedLoops(limits.connectionsMax(), () -> refusals.count(Refusals.Reason.BUSY));
    List<EventLoopGroup> loops = List.of(accepting, serving);
    try {
      DoorInterceptor door =
          new DoorInterceptor(
              limits.requestsMax(), limits.streamsMax(), tls.believesShared(), refusals);
      Server server =
          NettyServerBuilder.forAddress(listen)
              .channelType(BoundedLoops.channelType())
              .bossEventLoopGroup(accepting)
              .workerEventLoopGroup(serving)
              .sslContext(sslContext(tls))
              // Only finds the method; each call then goes where its handler may wait.
              .executor(Runnable::run)
              .callExecutor(byMethod(handlers, readers))
              .maxInboundMessageSize(MESSAGE_BYTES_MAX)
              .maxInboundMetadataSize(HEADER_BYTES_MAX)
              .maxConcurrentCallsPerConnection(limits.requestsMax())
              .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
              .keepAliveTimeout(KEEP_ALIVE_WAIT_SECONDS, TimeUnit.SECONDS)
              .maxConnectionIdle(IDLE_MINUTES, TimeUnit.MINUTES)
              .permitKeepAliveTime(KEEP_ALIVE_SECONDS_MIN, TimeUnit.SECONDS)
              .maxConnectionAge(tls.bounds().ageMax().toNanos(), TimeUnit.NANOSECONDS)
              .maxConnectionAgeGrace(tls.bounds().grace().toNanos(), TimeUnit.NANOSECONDS)
              .addTransportFilter(new Lives(tls, serving::proved))
              .handshakeTimeout(HANDSHAKE_SECONDS_MAX, TimeUnit.SECONDS)
              .addService(
                  ServerInterceptors.intercept(
                      new CoordinatorService(coordinator, limits.batchMax()), door))
              .addService(ServerInterceptors.intercept(new HealthService(leads), door))
              .build()
              .start();
      return new GrpcDoor(server, handlers, loops, limits, refusals);
    } catch (IOException | RuntimeException e) {
      handlers.close();
      end(loops);
      if (e instanceof RuntimeException unexpected) {
        throw unexpected;
      }
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "coordinator.listen: cannot listen on " + listen + ": " + e.getMessage(),
          e);
    }
  }

  /**
   * A lookup waits for nothing but the tables: begun where they may be read, it saves two changes
   * of threads, each of which waits for a core where all are busy.
   */
  private static ServerCallExecutorSupplier byMethod(
      Executor handlers, UnaryOperator<Executor> readers) {
    return new ServerCallExecutorSupplier() {
      @Override
      public <Q, S> Executor getExecutor(ServerCall<Q, S> call, Metadata headers) {
        return call.getMethodDescriptor() == CoordinatorGrpc.getGetHoldersMethod()
            ? readers.apply(handlers)
            : handlers;
      }
    };
  }

  private static SslContext sslContext(TlsMaterial tls) throws IOException {
    return GrpcSslContexts.configure(
            SslContextBuilder.forServer(tls.keys()).trustManager(tls.trust()), SslProvider.JDK)
        .clientAuth(ClientAuth.REQUIRE)
        // A session that is resumed looks at no certificate again, whatever became of it.
        .sessionTimeout(1)
        .build();
  }

  /** The bound address. */
  public InetSocketAddress address() {
    return (InetSocketAddress) Objects.requireNonNull(server.getListenSockets().getFirst());
  }

  /** Calls refused since it opened, by reason. */
  public Map<String, Long> refused() {
    return refusals.snapshot();
  }

  /** Refuses new calls, waits for those at work up to the close timeout, then breaks them off. */
  @Override
  public void close() {
    server.shutdown();
    try {
      if (!server.awaitTermination(limits.closeTimeout().toMillis(), TimeUnit.MILLISECONDS)) {
        log.warn("requests broken off after close-timeout={}", limits.closeTimeout());
        server.shutdownNow();
        server.awaitTermination(limits.closeTimeout().toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    handlers.shutdown();
    end(loops);
  }

  private static void end(List<EventLoopGroup> loops) {
    loops.forEach(each -> each.shutdownGracefully(0, LOOPS_END_SECONDS, TimeUnit.SECONDS));
  }

  private static final class HealthService extends HealthGrpc.HealthImplBase {
    private final BooleanSupplier leads;

    HealthService(BooleanSupplier leads) {
      this.leads = leads;
    }

    @Override
    public void ping(PingRequest request, StreamObserver<PingResponse> out) {
      String version = GrpcDoor.class.getPackage().getImplementationVersion();
      out.onNext(
          PingResponse.newBuilder()
              .setVersion(version == null ? "" : version)
              .setLeader(leads.getAsBoolean())
              .build());
      out.onCompleted();
    }
  }
}
