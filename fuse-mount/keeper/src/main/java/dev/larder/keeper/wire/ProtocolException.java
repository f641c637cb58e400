package dev.larder.keeper.wire;

import java.io.IOException;

/** A message that says nothing we know. */
public final class ProtocolException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int requestId;

  /**
   * Names what is wrong.
   *
   * @param requestId the request's, 0 when the header could not be read
   */
  public ProtocolException(int requestId, String message) {
    super(message);
    this.requestId = requestId;
  }

  /** The request it answers, or 0. */
  public int requestId() {
    return requestId;
  }
}
