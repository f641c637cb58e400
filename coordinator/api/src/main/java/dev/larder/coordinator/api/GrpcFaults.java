package dev.larder.coordinator.api;

import dev.larder.protocol.LarderException;
import io.grpc.Status;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Says what gRPC means when a call came to no answer of a coordinator. */
final class GrpcFaults {
  private GrpcFaults() {}

  /** For people: who did not answer, and what may be done. */
  static String explain(Throwable failure, Status status, String address) {
    String who = "the coordinator" + (address.isEmpty() ? "" : " at " + address);
    if (cause(failure, RoleTrust.WrongRole.class) != null) {
      return who + " shows a certificate of another role: it must be one for role coordinator";
    }
    if (cause(failure, CertificateExpiredException.class) != null
        || cause(failure, CertificateNotYetValidException.class) != null) {
      return who + " shows a certificate that is expired or not valid yet";
    }
    SSLException tls = cause(failure, SSLException.class);
    if (tls != null) {
      String said = String.valueOf(tls.getMessage());
      if (said.contains("subject alternative") || said.contains("No name matching")) {
        return who + " shows a certificate that does not name this host: " + said;
      }
      if (said.toLowerCase(Locale.ROOT).contains("expired")) {
        return who + " refuses the certificate of this node as expired: renew tls.certificate";
      }
      return who
          + " and this node do not trust each other's certificates: check tls.ca on both ("
          + said
          + ")";
    }
    if (cause(failure, UnknownHostException.class) != null) {
      return who + " cannot be found: its name is unknown here";
    }
    if (cause(failure, ConnectException.class) != null) {
      return who + " is not reached: nothing listens there";
    }
    return switch (status.getCode()) {
      case UNAVAILABLE -> who + " is not reached: the connection failed or broke";
      case DEADLINE_EXCEEDED -> who + " gave no answer in time";
      case CANCELLED -> "the call to " + who + " was given up";
      default ->
          who
              + " cannot be asked: "
              + status.getCode()
              + (status.getDescription() == null ? "" : ", " + status.getDescription());
    };
  }

  /** Whether the coordinator itself said this, in whatever state it is. */
  static boolean isAnswer(Throwable failure) {
    io.grpc.Metadata trailers = Status.trailersFromThrowable(failure);
    return trailers != null && trailers.containsKey(GrpcStatuses.CODE);
  }

  /** Whether the trust between both ends is what is missing. */
  static boolean isTrust(LarderException fault) {
    return cause(fault, SSLException.class) != null;
  }

  /** Whether a request surely never came to be handled: no connection, or another one leads. */
  static boolean isUnsent(LarderException fault) {
    if (cause(fault, NotLeader.class) != null
        || cause(fault, ConnectException.class) != null
        || cause(fault, UnknownHostException.class) != null
        || cause(fault, SSLException.class) != null) {
      return true;
    }
    // gRPC says in words only that a call ended while it still waited for a connection.
    Throwable grpc = fault.getCause();
    String said = grpc == null ? null : Status.fromThrowable(grpc).getDescription();
    return said != null
        && (said.contains("waiting_for_connection") || said.contains("buffered_nanos"))
        && !said.contains("remote_addr");
  }

  private static <T extends Throwable> @Nullable T cause(Throwable failure, Class<T> kind) {
    Set<Throwable> seen = new HashSet<>();
    for (Throwable at = failure; at != null && seen.add(at); at = at.getCause()) {
      if (kind.isInstance(at)) {
        return kind.cast(at);
      }
    }
    return null;
  }
}
