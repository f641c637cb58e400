package dev.larder.testkit;

import java.time.Duration;

/** What {@link FaultyHttpServer} does to one answer instead of giving it. */
public sealed interface Fault {
  /** Answers with a status and nothing of the object. */
  record Status(int status, String retryAfter) implements Fault {
    /** Without Retry-After. */
    public Status(int status) {
      this(status, "");
    }
  }

  /** Sends the head and so many bytes of the body, then closes the connection. */
  record Truncate(int bytes) implements Fault {}

  /** Sends the head and so many bytes of the body, then nothing until the client goes away. */
  record Stall(int bytes) implements Fault {}

  /** Takes the request and never answers. */
  record Silence() implements Fault {}

  /** Closes the connection without an answer. */
  record HangUp() implements Fault {}

  /** Answers with the bytes of a range that starts so much later, and says so. */
  record OtherRange(int shift) implements Fault {}

  /** Says another ETag than the object's, and sends its bytes. */
  record OtherEtag(String etag) implements Fault {}

  /** Sends bytes that are not the object's, with a head that is right. */
  record OtherBytes() implements Fault {}

  /** Sends more bytes than the head says the range has, without a length. */
  record TooLong(int bytes) implements Fault {}

  /** Answers a request for a range with the whole object. */
  record WholeObject() implements Fault {}

  /** Sends the body in pieces with a pause after each. */
  record Slow(int pieceBytes, Duration pause) implements Fault {}

  /** Sends the client elsewhere. */
  record Redirect(int status, String location) implements Fault {}
}
