package dev.larder.coordinator.service;

import dev.larder.coordinator.api.GrpcStatuses;
import dev.larder.coordinator.api.Role;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/** Lets a call through the door: its certificate's role must fit, and the bounds must have room. */
final class DoorInterceptor implements ServerInterceptor {
  private final Semaphore requests;
  private final Semaphore streams;

  DoorInterceptor(int requestsMax, int streamsMax) {
    requests = new Semaphore(requestsMax);
    streams = new Semaphore(streamsMax);
  }

  @Override
  public <Q, S> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, S> call, Metadata headers, ServerCallHandler<Q, S> next) {
    String method = call.getMethodDescriptor().getFullMethodName();
    Optional<Role> role = role(call);
    if (role.isEmpty() || !RpcRoles.mayCall(role.get(), method)) {
      String who =
          role.map(r -> "a certificate of role " + r).orElse("a certificate without a role");
      return refuse(
          call,
          ErrorCode.UNAUTHENTICATED,
          who + " may not do this (" + method + "); see the role in tls.certificate");
    }
    boolean unary = call.getMethodDescriptor().getType().clientSendsOneMessage();
    Semaphore bound = unary ? requests : streams;
    if (!bound.tryAcquire()) {
      String key = unary ? "coordinator.requests-max" : "coordinator.streams-max";
      return refuse(call, ErrorCode.TOO_MANY, "the coordinator is busy (" + key + ")");
    }
    return counted(call, headers, next, bound);
  }

  private static <Q, S> ServerCall.Listener<Q> counted(
      ServerCall<Q, S> call, Metadata headers, ServerCallHandler<Q, S> next, Semaphore bound) {
    AtomicBoolean held = new AtomicBoolean(true);
    Runnable release =
        () -> {
          if (held.compareAndSet(true, false)) {
            bound.release();
          }
        };
    ServerCall<Q, S> counted =
        new SimpleForwardingServerCall<Q, S>(call) {
          @Override
          public void close(Status status, Metadata trailers) {
            release.run();
            super.close(status, trailers);
          }
        };
    ServerCall.Listener<Q> listener;
    try {
      listener = next.startCall(counted, headers);
    } catch (RuntimeException e) {
      release.run();
      throw e;
    }
    return new SimpleForwardingServerCallListener<Q>(listener) {
      @Override
      public void onCancel() {
        release.run();
        super.onCancel();
      }

      @Override
      public void onComplete() {
        release.run();
        super.onComplete();
      }
    };
  }

  private static Optional<Role> role(ServerCall<?, ?> call) {
    SSLSession session = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
    if (session == null) {
      return Optional.empty();
    }
    try {
      Certificate[] chain = session.getPeerCertificates();
      return chain.length > 0 && chain[0] instanceof X509Certificate own
          ? Role.of(own)
          : Optional.empty();
    } catch (SSLPeerUnverifiedException e) {
      return Optional.empty();
    }
  }

  private static <Q, S> ServerCall.Listener<Q> refuse(
      ServerCall<Q, S> call, ErrorCode code, String message) {
    StatusRuntimeException fault = GrpcStatuses.toGrpc(new LarderException(code, message));
    Metadata trailers = fault.getTrailers();
    call.close(fault.getStatus(), trailers == null ? new Metadata() : trailers);
    return new ServerCall.Listener<Q>() {};
  }
}
