package dev.larder.agent.http;

/** Carries a fault with its header field up to where it is answered. */
final class FaultException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Fault fault;

  FaultException(Fault fault, Throwable cause) {
    super(fault.detail(), cause);
    this.fault = fault;
  }

  Fault fault() {
    return fault;
  }
}
