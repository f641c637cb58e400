package dev.larder.coordinator.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.TestCoordinator;
import dev.larder.coordinator.api.GrpcStatuses;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.api.v1.CoordinatorGrpc;
import dev.larder.coordinator.api.v1.HealthGrpc;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.protocol.ErrorCode;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No call without a certificate, and none with a role it is not for: every RPC there is. */
class DoorTest {
  private static final Set<String> AGENTS_ONLY =
      Set.of("Join", "Attend", "RecordRoots", "AddSnapshot", "MovePin", "GetWork");
  private static final Set<String> COORDINATORS_TOO = Set.of("GetStatus", "Ping");

  @TempDir Path data;

  @Test
  void everyCallNeedsACertificateOfAFittingRole() throws Exception {
    try (TestCoordinator coordinator = TestCoordinator.start(data)) {
      DevCa stranger = DevCa.create(data.resolve("other-tls"), Clock.systemUTC());
      for (MethodDescriptor<?, ?> method : methods()) {
        String name = String.valueOf(method.getBareMethodName());
        assertTransportRefused(method, channel(coordinator, plain()), name + " in plain text");
        assertTransportRefused(
            method, channel(coordinator, anonymous(coordinator)), name + " without certificate");
        assertTransportRefused(
            method,
            channel(
                coordinator,
                mixed(stranger.material(Role.AGENT), coordinator.ca().material(Role.AGENT))),
            name + " with another authority's certificate");
        for (Role role : Role.values()) {
          TlsMaterial own =
              role == Role.AGENT
                  ? coordinator.ca().agent(NodeNames.ANY)
                  : coordinator.ca().material(role);
          Answer answer = call(method, channel(coordinator, own));
          if (allowed(role, name)) {
            assertNotEquals(Status.Code.UNAUTHENTICATED, answer.status(), role + " " + name);
            assertNotEquals(Status.Code.UNAVAILABLE, answer.status(), role + " " + name);
          } else {
            assertEquals(Status.Code.UNAUTHENTICATED, answer.status(), role + " " + name);
            assertEquals(ErrorCode.UNAUTHENTICATED.name(), answer.code(), role + " " + name);
          }
        }
      }
    }
  }

  @Test
  void theRaftDoorIsForCoordinatorsOnly() throws Exception {
    try (TestCoordinator coordinator = TestCoordinator.start(data)) {
      int port = coordinator.server().raftAddress().getPort();
      TlsMaterial own = coordinator.ca().material(Role.COORDINATOR);
      assertTrue(speaksHttp2(port, own), "a coordinator is served");
      assertFalse(speaksHttp2(port, coordinator.ca().material(Role.AGENT)), "an agent");
      assertFalse(speaksHttp2(port, coordinator.ca().material(Role.CLIENT)), "a client");
      assertFalse(speaksHttp2(port, new TlsMaterial(null, own.trust())), "nobody");
    }
  }

  private static boolean allowed(Role role, String method) {
    return switch (role) {
      case AGENT -> true;
      case CLIENT -> !AGENTS_ONLY.contains(method);
      case COORDINATOR -> COORDINATORS_TOO.contains(method);
    };
  }

  private static List<MethodDescriptor<?, ?>> methods() {
    List<MethodDescriptor<?, ?>> methods = new ArrayList<>();
    methods.addAll(CoordinatorGrpc.getServiceDescriptor().getMethods());
    methods.addAll(HealthGrpc.getServiceDescriptor().getMethods());
    assertTrue(methods.size() >= 17);
    return methods;
  }

  private static void assertTransportRefused(
      MethodDescriptor<?, ?> method, ManagedChannel channel, String what) throws Exception {
    Answer answer = call(method, channel);
    assertEquals(Status.Code.UNAVAILABLE, answer.status(), what);
    assertNull(answer.code(), what);
  }

  /** The status of one call with an empty message, which every RPC has. */
  private static <Q, S> Answer call(MethodDescriptor<Q, S> method, ManagedChannel channel)
      throws Exception {
    try {
      CompletableFuture<Answer> answer = new CompletableFuture<>();
      ClientCall<Q, S> call =
          channel.newCall(method, CallOptions.DEFAULT.withDeadlineAfter(30, TimeUnit.SECONDS));
      call.start(
          new ClientCall.Listener<S>() {
            @Override
            public void onClose(Status status, Metadata trailers) {
              answer.complete(new Answer(status.getCode(), trailers.get(GrpcStatuses.CODE)));
            }
          },
          new Metadata());
      call.request(2);
      call.sendMessage(method.parseRequest(new ByteArrayInputStream(new byte[0])));
      call.halfClose();
      return answer.get(60, TimeUnit.SECONDS);
    } finally {
      channel.shutdownNow();
    }
  }

  private record Answer(Status.Code status, @Nullable String code) {}

  private static @Nullable TlsMaterial plain() {
    return null;
  }

  private static TlsMaterial anonymous(TestCoordinator coordinator) {
    return new TlsMaterial(null, coordinator.ca().material(Role.AGENT).trust());
  }

  private static TlsMaterial mixed(TlsMaterial keys, TlsMaterial trust) {
    return new TlsMaterial(keys.keys(), trust.trust());
  }

  private static ManagedChannel channel(TestCoordinator coordinator, @Nullable TlsMaterial tls)
      throws SSLException {
    NettyChannelBuilder builder =
        NettyChannelBuilder.forAddress("127.0.0.1", coordinator.server().address().getPort());
    if (tls == null) {
      return builder.usePlaintext().build();
    }
    SslContextBuilder ssl = SslContextBuilder.forClient().trustManager(tls.trust());
    if (tls.keys() != null) {
      ssl.keyManager(tls.keys());
    }
    return builder.sslContext(GrpcSslContexts.configure(ssl, SslProvider.JDK).build()).build();
  }

  /** Whether a server answers the handshake's end with its first HTTP/2 bytes. */
  private static boolean speaksHttp2(int port, TlsMaterial tls) throws Exception {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(
        tls.keys() == null ? null : new KeyManager[] {tls.keys()},
        new TrustManager[] {tls.trust()},
        null);
    try (SSLSocket socket =
        (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port)) {
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setApplicationProtocols(new String[] {"h2"});
      socket.setSSLParameters(parameters);
      socket.setSoTimeout(30_000);
      socket.startHandshake();
      return socket.getInputStream().read() >= 0;
    } catch (IOException refused) {
      return false;
    }
  }
}
