package dev.larder.coordinator.service;

import dev.larder.coordinator.api.ConnectionLife;
import dev.larder.coordinator.api.GrpcStatuses;
import dev.larder.coordinator.api.Identity;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.service.Refusals.Reason;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SSLSession;

/** Lets a call through the door: its certificate's role must fit, and the bounds must have room. */
final class DoorInterceptor implements ServerInterceptor {
  private final Semaphore requests;
  private final Semaphore streams;
  private final boolean believesShared;
  private final Refusals refusals;

  DoorInterceptor(int requestsMax, int streamsMax, boolean believesShared, Refusals refusals) {
    this.believesShared = believesShared;
    this.refusals = refusals;
    requests = new Semaphore(requestsMax);
    streams = new Semaphore(streamsMax);
  }

  @Override
  public <Q, S> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, S> call, Metadata headers, ServerCallHandler<Q, S> next) {
    String method = call.getMethodDescriptor().getFullMethodName();
    SSLSession session = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
    Identity identity = session == null ? Identity.NONE : Identity.of(session);
    Optional<Role> role = identity.role();
    if (role.isEmpty() || !RpcRoles.mayCall(role.get(), method)) {
      refusals.count(Reason.ROLE);
      String who =
          role.map(r -> "a certificate of role " + r).orElse("a certificate without a role");
      return refuse(
          call,
          ErrorCode.UNAUTHENTICATED,
          who + " may not do this (" + method + "); see the role in tls.certificate");
    }
    ConnectionLife life = call.getAttributes().get(Lives.KEY);
    Caller caller =
        new Caller(
            role.get(),
            identity.nodes(),
            believesShared,
            life == null ? () -> false : life::isTrusted,
            refusals);
    try {
      caller.requireTrust();
    } catch (LarderException e) {
      return refuse(call, e.code(), String.valueOf(e.getMessage()));
    }
    boolean unary = call.getMethodDescriptor().getType().clientSendsOneMessage();
    Semaphore bound = unary ? requests : streams;
    if (!bound.tryAcquire()) {
      refusals.count(Reason.BUSY);
      String key = unary ? "coordinator.requests-max" : "coordinator.streams-max";
      return refuse(call, ErrorCode.TOO_MANY, "the coordinator is busy (" + key + ")");
    }
    ServerCallHandler<Q, S> known =
        (open, fields) -> Contexts.interceptCall(caller.inContext(), open, fields, next);
    return counted(call, headers, known, bound);
  }

  private static <Q, S> ServerCall.Listener<Q> counted(
      ServerCall<Q, S> call, Metadata headers, ServerCallHandler<Q, S> next, Semaphore bound) {
    Permit permit = new Permit(bound::release);
    ServerCall<Q, S> counted =
        new SimpleForwardingServerCall<Q, S>(call) {
          @Override
          public void close(Status status, Metadata trailers) {
            permit.end();
            super.close(status, trailers);
          }
        };
    ServerCall.Listener<Q> listener;
    permit.enter();
    try {
      listener = next.startCall(counted, headers);
    } catch (RuntimeException e) {
      permit.end();
      throw e;
    } finally {
      permit.leave();
    }
    return new SimpleForwardingServerCallListener<Q>(listener) {
      @Override
      public void onMessage(Q message) {
        permit.enter();
        try {
          super.onMessage(message);
        } finally {
          permit.leave();
        }
      }

      @Override
      public void onHalfClose() {
        permit.enter();
        try {
          super.onHalfClose();
        } finally {
          permit.leave();
        }
      }

      @Override
      public void onCancel() {
        permit.end();
        super.onCancel();
      }

      @Override
      public void onComplete() {
        permit.end();
        super.onComplete();
      }
    };
  }

  private static <Q, S> ServerCall.Listener<Q> refuse(
      ServerCall<Q, S> call, ErrorCode code, String message) {
    StatusRuntimeException fault = GrpcStatuses.toGrpc(new LarderException(code, message));
    Metadata trailers = fault.getTrailers();
    call.close(fault.getStatus(), trailers == null ? new Metadata() : trailers);
    return new ServerCall.Listener<Q>() {};
  }
}
