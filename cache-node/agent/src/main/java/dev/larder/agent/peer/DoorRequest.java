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
  private final Refusal refusal;
  private final ByteBuf body;
  private final DoorBodies bodies;
  private int roomBytes;

  private DoorRequest(
      HttpRequest head, Refusal refusal, ByteBuf body, DoorBodies bodies, int roomBytes) {
    this.head = head;
    this.refusal = refusal;
    this.body = body;
    this.bodies = bodies;
    this.roomBytes = roomBytes;
  }

  /** Takes over the buffer and the room that was taken for it. */
  static DoorRequest of(HttpRequest head, ByteBuf body, DoorBodies bodies, int roomBytes) {
    return new DoorRequest(head, Refusal.NONE, body, bodies, roomBytes);
  }

  static DoorRequest refused(HttpRequest head, Refusal refusal, DoorBodies bodies) {
    return new DoorRequest(head, refusal, Unpooled.EMPTY_BUFFER, bodies, 0);
  }

  HttpRequest head() {
    return head;
  }

  Refusal refusal() {
    return refusal;
  }

  /** A copy of the body, which is the caller's; frees the rest. */
  byte[] takeBody() {
    byte[] bytes = ByteBufUtil.getBytes(body);
    close();
    return bytes;
  }

  /** Adds bytes, of which there are never more than room was taken for. */
  void add(ByteBuf part) {
    body.writeBytes(part);
  }

  @Override
  public void close() {
    if (roomBytes > 0) {
      bodies.give(roomBytes);
      roomBytes = 0;
      body.release();
    }
  }
}
