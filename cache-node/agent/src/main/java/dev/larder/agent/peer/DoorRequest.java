package dev.larder.agent.peer;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpRequest;

/**
 * A request as the door got it, its body within the door's room. Closing it frees both. Event loop.
 */
final class DoorRequest implements AutoCloseable {
  /** Why nothing of a request's body was kept. */
  enum Refusal {
    NONE,
    /** What the member proved when it connected holds no more. */
    UNTRUSTED,
    /** Other bodies take {@code peer.bodies-max}. */
    NO_ROOM,
    /** Longer than {@code peer.body-max}. */
    TOO_LONG,
    /** Does not say how long it is. */
    NO_LENGTH
  }

  private final HttpRequest head;
  private Refusal refusal;
  private final ByteBuf body;
  private final DoorBodies bodies;
  private int roomBytes;
  private boolean isClosed;

  private DoorRequest(HttpRequest head, Refusal refusal, ByteBuf body, DoorBodies bodies) {
    this.head = head;
    this.refusal = refusal;
    this.body = body;
    this.bodies = bodies;
  }

  /** Takes over the buffer. */
  static DoorRequest of(HttpRequest head, ByteBuf body, DoorBodies bodies) {
    return new DoorRequest(head, Refusal.NONE, body, bodies);
  }

  static DoorRequest refused(HttpRequest head, Refusal refusal, DoorBodies bodies) {
    return new DoorRequest(head, refusal, Unpooled.EMPTY_BUFFER, bodies);
  }

  HttpRequest head() {
    return head;
  }

  Refusal refusal() {
    return refusal;
  }

  /** A copy of the body, which is the caller's; frees the rest. Empty of what was refused. */
  byte[] takeBody() {
    byte[] bytes = refusal == Refusal.NONE ? ByteBufUtil.getBytes(body) : new byte[0];
    close();
    return bytes;
  }

  /** Adds bytes; from where there is no room for them on the whole is refused. */
  void add(ByteBuf part) {
    int bytes = part.readableBytes();
    if (refusal != Refusal.NONE || bytes == 0) {
      return;
    }
    if (!bodies.take(bytes)) {
      refusal = Refusal.NO_ROOM;
      close();
      return;
    }
    roomBytes += bytes;
    body.writeBytes(part);
  }

  /** All of it came. */
  void end() {
    if (refusal == Refusal.NONE && roomBytes > 0) {
      bodies.whole();
    }
  }

  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      bodies.give(roomBytes);
      body.release();
    }
  }
}
