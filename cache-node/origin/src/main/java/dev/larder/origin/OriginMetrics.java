package dev.larder.origin;

import dev.larder.protocol.ErrorCode;

/**
 * Receives what an origin did. Whoever opens the origin supplies it.
 *
 * <p><b>Threads:</b> any, also several at once; a method must not block and must not throw.
 */
public interface OriginMetrics {
  /** Counts nothing. */
  OriginMetrics NONE = new OriginMetrics() {};

  /** A request was sent, a repeated one too. */
  default void request(Operation operation) {}

  /** Bytes of object content arrived. */
  default void bytes(long count) {}

  /** A request failed and will be sent again. */
  default void retry(ErrorCode code) {}

  /** A call ended with this error. */
  default void error(ErrorCode code) {}

  /** Kinds of request. */
  enum Operation {
    /** One page of a listing, or one directory. */
    LIST,
    /** The state of one object. */
    HEAD,
    /** Bytes of one object. */
    READ
  }
}
