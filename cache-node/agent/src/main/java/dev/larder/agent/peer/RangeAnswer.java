package dev.larder.agent.peer;

import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.http.StoreFileRegion;
import dev.larder.coordinator.api.ConnectionLife;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Sends one range to a member on the calling thread. What is whole here is promised with its
 * length; of what still fills, each block goes out as it comes, and the chunked answer ends early
 * when there is no more.
 */
final class RangeAnswer {
  /** Trailer of an answer that ended although more is to come. */
  static final String MORE = "larder-more";

  /** Sent at once by sendfile. */
  private static final long REGION_BYTES = 4 << 20;

  /** Looks at what moved within one stall timeout. */
  private static final int LOOKS = 8;

  private final Channel channel;
  private final PeerConfig config;
  private final Semaphore buffers;
  private final RateCap upload;
  private final LongAdder sentBytes;
  private final boolean isPlain;
  private final @Nullable ConnectionLife life;
  private final boolean isLastAnswer;
  private @Nullable ChannelFuture last;
  private volatile boolean isTired;
  private boolean isBegun;

  /**
   * An answer that is not begun.
   *
   * @param life what the member proved; null without TLS
   * @param isLastAnswer whether the connection ends with it
   */
  RangeAnswer(
      Channel channel, DoorParts door, @Nullable ConnectionLife life, boolean isLastAnswer) {
    this.life = life;
    this.isLastAnswer = isLastAnswer;
    this.channel = channel;
    this.config = door.config();
    this.buffers = door.buffers();
    this.upload = door.upload();
    this.sentBytes = door.sentBytes();
    this.isPlain = config.isPlain();
  }

  /**
   * Sends the range; returns when it is handed to the socket.
   *
   * @throws LarderException before the first byte: UNKNOWN_BLOB, BAD_RANGE; CANCELLED once the
   *     member is gone
   */
  void send(BlobStore store, FillEngine engine, BlobKey key, long first, long lastByte)
      throws IOException {
    try (ServedBlob blob = ServedBlob.open(store, engine, key)) {
      if (first < 0 || lastByte < first || lastByte >= blob.sizeBytes()) {
        throw new LarderException(
            ErrorCode.BAD_RANGE, "the range lies outside of the " + blob.sizeBytes() + " bytes");
      }
      // Whoever waits for bytes hears that the member is gone.
      ChannelFutureListener gone = done -> blob.giveUp();
      channel.closeFuture().addListener(gone);
      boolean isDone = false;
      try {
        send(blob, first, lastByte + 1);
        isDone = true;
      } finally {
        channel.closeFuture().removeListener(gone);
        if (!isDone && isBegun) {
          // What is still on its way must not be read from a descriptor that is given back.
          channel.close().awaitUninterruptibly(config.stallTimeout().toMillis());
        }
      }
    }
  }

  /** Whether the answer's head is out, so that a fault can only break it off. */
  boolean isBegun() {
    return isBegun;
  }

  private void send(ServedBlob blob, long first, long end) throws IOException {
    ServedBlob.Span span = next(blob, first, Math.min(REGION_BYTES, end - first));
    if (span == null && !isTired) {
      throw new LarderException(ErrorCode.UNKNOWN_BLOB, "nothing of the range is here");
    }
    HttpResponse head =
        new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.PARTIAL_CONTENT);
    head.headers()
        .set(
            HttpHeaderNames.CONTENT_RANGE,
            "bytes " + first + "-" + (end - 1) + "/" + blob.sizeBytes());
    if (blob.isWhole()) {
      head.headers().set(HttpHeaderNames.CONTENT_LENGTH, end - first);
    } else {
      head.headers().set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
    }
    if (isLastAnswer) {
      head.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    }
    isBegun = true;
    channel.write(head);
    for (long at = first; span != null; ) {
      write(span);
      at += span.length();
      span = at < end ? nextOrEnd(blob, at, end) : null;
    }
    LastHttpContent last = LastHttpContent.EMPTY_LAST_CONTENT;
    if (isTired) {
      last = new DefaultLastHttpContent();
      last.trailingHeaders().set(MORE, "1");
    }
    await(channel.writeAndFlush(last));
  }

  /**
   * Waits for bytes, but no longer than half of what the member waits for some: then the answer
   * ends and says that more is to come, so that a source that stalls is not taken for this node.
   */
  private ServedBlob.@Nullable Span next(ServedBlob blob, long at, long lengthMax) {
    if (blob.isWhole()) {
      return blob.next(at, lengthMax);
    }
    ScheduledFuture<?> patience =
        channel
            .eventLoop()
            .schedule(
                () -> {
                  isTired = true;
                  blob.giveUp();
                },
                config.waitPatience().toMillis(),
                TimeUnit.MILLISECONDS);
    try {
      return blob.next(at, lengthMax);
    } catch (LarderException e) {
      if (isTired && e.code() == ErrorCode.CANCELLED) {
        return null;
      }
      throw e;
    } finally {
      patience.cancel(false);
    }
  }

  /** A fault of the fill ends a chunked answer early; what is promised must come or break off. */
  private ServedBlob.@Nullable Span nextOrEnd(ServedBlob blob, long at, long end) {
    // Once the range is known whole it need not be asked for at once.
    long most = blob.isWhole() ? REGION_BYTES : end - at;
    try {
      return isTired ? null : next(blob, at, Math.min(most, end - at));
    } catch (LarderException e) {
      if (blob.isWhole() || e.code() == ErrorCode.CANCELLED) {
        throw e;
      }
      return null;
    }
  }

  private void write(ServedBlob.Span span) throws IOException {
    if (isPlain) {
      for (long done = 0; done < span.length(); ) {
        long part = upload.most(Math.min(REGION_BYTES, span.length() - done));
        send(StoreFileRegion.of(span.channel(), span.offset() + done, part));
        sentBytes.add(part);
        upload.spend(part);
        done += part;
      }
      return;
    }
    for (long done = 0; done < span.length(); ) {
      int part = (int) Math.min(PeerConfig.BUFFER_BYTES, span.length() - done);
      checkTrust();
      ByteBuf buffer = buffer();
      boolean isFilled = false;
      try {
        read(span, span.offset() + done, buffer, part);
        isFilled = true;
      } finally {
        if (!isFilled) {
          buffer.release();
          buffers.release();
        }
      }
      send(new DefaultHttpContent(buffer)).addListener(written -> buffers.release());
      sentBytes.add(part);
      upload.spend(part);
      done += part;
    }
  }

  /** Nobody draws an answer out beyond the grace after its trust ended. */
  private void checkTrust() {
    if (life != null && life.isOver()) {
      throw new LarderException(
          ErrorCode.CANCELLED, "what the member proved ended longer ago than tls.connection-grace");
    }
  }

  private ByteBuf buffer() {
    try {
      if (!buffers.tryAcquire(config.stallTimeout().toMillis(), TimeUnit.MILLISECONDS)) {
        throw new LarderException(
            ErrorCode.TOO_MANY, "peer.buffers-max: all buffers wait for slow members");
      }
    } catch (InterruptedException e) {
      throw closing(e);
    }
    return channel.alloc().directBuffer(PeerConfig.BUFFER_BYTES);
  }

  private static void read(ServedBlob.Span span, long from, ByteBuf target, int length)
      throws IOException {
    ByteBuffer view = target.nioBuffer(0, length);
    long at = from;
    while (view.hasRemaining()) {
      int count = span.channel().read(view, at);
      if (count < 0) {
        throw new LarderException(ErrorCode.STORE_CORRUPT, "a stored file is too short");
      }
      at += count;
    }
    target.writerIndex(length);
  }

  /** At most two writes are under way: one at the socket, one being made. */
  private ChannelFuture send(Object message) {
    ChannelFuture before = last;
    ChannelFuture sent = channel.writeAndFlush(message);
    last = sent;
    if (before != null) {
      await(before);
    }
    return sent;
  }

  private void await(ChannelFuture written) {
    long stallNanos = config.stallTimeout().toNanos();
    long movedNanos = System.nanoTime();
    long moved = moved();
    try {
      while (!written.await(Math.max(1, stallNanos / LOOKS), TimeUnit.NANOSECONDS)) {
        long now = System.nanoTime();
        long before = moved;
        moved = moved();
        if (moved != before) {
          movedNanos = now;
        } else if (now - movedNanos >= stallNanos) {
          throw new LarderException(ErrorCode.DEADLINE, "the member takes nothing");
        }
      }
    } catch (InterruptedException e) {
      throw closing(e);
    }
    if (!written.isSuccess()) {
      throw new LarderException(ErrorCode.CANCELLED, "the member is gone", written.cause());
    }
  }

  /** A figure that changes with what the socket takes; of a region too. */
  private long moved() {
    ChannelOutboundBuffer out = channel.unsafe().outboundBuffer();
    return out == null ? 0 : out.totalPendingWriteBytes() * 31 + out.currentProgress();
  }

  private static LarderException closing(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new LarderException(ErrorCode.CLOSED, "the peer door is closing", e);
  }
}
