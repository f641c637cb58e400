package dev.larder.coordinator.service;

import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.service.Refusals.Reason;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.Context;
import java.util.function.BooleanSupplier;

/**
 * Who makes a call through the gRPC door, and in whose name it may speak: an agent says of the
 * nodes alone that its certificate names how they are, and others act on it. What it asks for on
 * behalf of a person at its node (datasets, warm-ups, draining) names no such node.
 *
 * @param believesShared {@code tls.shared-nodes}
 * @param isTrusted whether what it proved when it connected still holds
 * @param refusals where it counts what it was not allowed
 */
record Caller(
    Role role,
    NodeNames nodes,
    boolean believesShared,
    BooleanSupplier isTrusted,
    Refusals refusals) {
  private static final Context.Key<Caller> KEY = Context.key("caller");

  private static final String ENDED =
      "the certificate that this connection began with is over, or its authority is trusted no"
          + " more: renew tls.certificate, and connect anew";

  /** The present context with this caller in it. */
  Context inContext() {
    return Context.current().withValue(KEY, this);
  }

  /** The caller of the call at work on this thread. */
  static Caller present() {
    Caller caller = KEY.get();
    if (caller == null) {
      throw new LarderException(ErrorCode.INTERNAL, "a call came past the door");
    }
    return caller;
  }

  /** Whether it may speak for a member. */
  boolean names(String memberId) {
    return nodes.names(memberId, believesShared);
  }

  /** UNAUTHENTICATED once its certificate is over, or that of who signed it is trusted no more. */
  void requireTrust() {
    if (!isTrusted.getAsBoolean()) {
      refusals.count(Reason.CERTIFICATE);
      throw new LarderException(ErrorCode.UNAUTHENTICATED, ENDED);
    }
  }

  /** UNAUTHENTICATED unless it may speak for a member. */
  void speakFor(String memberId) {
    if (!names(memberId)) {
      refusals.count(Reason.NAME);
      throw new LarderException(ErrorCode.UNAUTHENTICATED, nodes.refusal(memberId));
    }
  }
}
