package dev.larder.agent.http;

import dev.larder.agent.read.BlobRead;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import org.jspecify.annotations.Nullable;

/**
 * One request being answered.
 *
 * <p><b>Threads:</b> any, unless a method says event loop. When the client goes away the blob this
 * exchange owns is closed at once, which wakes whoever waits in it.
 */
final class Exchange {
  private final Request request;
  private final byte[] body;
  private final Connection connection;
  private final long startedNanos = System.nanoTime();

  /** Guarded by this. */
  private @Nullable BlobRead read;

  /** Written under the monitor; read without it where a late answer does no harm. */
  private volatile boolean over;

  /** Owned by the event loop. */
  private boolean headSent;

  /** Written by whoever makes the head, before it hands it to the event loop. */
  private volatile boolean closes;

  private volatile boolean blobRead;

  Exchange(Request request, byte[] body, Connection connection) {
    this.request = request;
    this.body = body;
    this.connection = connection;
  }

  Request request() {
    return request;
  }

  /** The request's body. */
  byte[] body() {
    return body;
  }

  long startedNanos() {
    return startedNanos;
  }

  ByteBufAllocator allocator() {
    return connection.channel().alloc();
  }

  Channel channel() {
    return connection.channel();
  }

  DoorContext door() {
    return connection.door();
  }

  /** Whether nothing can be answered any more. */
  boolean isOver() {
    return over;
  }

  /** Throws CANCELLED once the client is gone. */
  void checkWanted() {
    if (over) {
      throw new LarderException(ErrorCode.CANCELLED, "the client is gone");
    }
  }

  /** Hands a read to this exchange, which closes it when it ends; CANCELLED when it has. */
  BlobRead own(BlobRead opened) {
    boolean late;
    synchronized (this) {
      late = over;
      if (!late) {
        read = opened;
      }
    }
    if (late) {
      opened.close();
      checkWanted();
    }
    return opened;
  }

  /** Closes the owned read on this thread, before the answer is out. */
  void closeRead() {
    BlobRead held;
    synchronized (this) {
      held = read;
      read = null;
    }
    if (held != null) {
      held.close();
    }
  }

  /** Answers with a body that is there as a whole; takes the buffer over. */
  void answer(ResponseHead head, @Nullable ByteBuf content) {
    connection.run(this, () -> connection.answer(this, head, content), content);
  }

  /** Answers with a fault, or cuts the connection when the head is out. */
  void fail(Throwable thrown) {
    fail(Fault.of(thrown));
  }

  void fail(Fault fault) {
    connection.run(this, () -> connection.fail(this, fault), null);
  }

  /** Sends a part of a body whose head is its first bytes, and flushes. Takes the buffer over. */
  ChannelFuture send(ByteBuf part) {
    connection.run(this, () -> headSent = true, null);
    return connection.channel().writeAndFlush(part);
  }

  /** The answer's last byte was handed over. */
  void finish(int status) {
    connection.run(this, () -> connection.finish(this, status), null);
  }

  /** Event loop: whether the head is out. */
  boolean isHeadSent() {
    return headSent;
  }

  /** Event loop: the head is out from now on. */
  void markHeadSent() {
    headSent = true;
  }

  /** Decides, for the head, whether the connection stays after this answer. */
  boolean keepAlive(boolean lengthKnown) {
    boolean stays =
        request.keepAlive() && (lengthKnown || !request.http10()) && !connection.isEnding();
    closes = !stays;
    return stays;
  }

  /** Whether the head said that the connection closes after this answer. */
  boolean closes() {
    return closes;
  }

  /** This exchange hands out a blob's bytes: its duration is measured. */
  void markBlobRead() {
    blobRead = true;
  }

  boolean isBlobRead() {
    return blobRead;
  }

  /** Ends this exchange, whatever its state; the owned read is closed on another thread. */
  void end() {
    BlobRead held;
    synchronized (this) {
      over = true;
      held = read;
      read = null;
    }
    if (held != null) {
      connection.door().workers().closeSoon(held);
    }
  }
}
