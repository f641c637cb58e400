package dev.larder.fuse;

import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.StoreNotice;
import dev.larder.linux.LinuxException;
import dev.larder.linux.NativeBuffer;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * Resident memory for one reply at a time. The body begins on a page, with the header right in
 * front of it, so that a reply is one write and each page of the body is one page of the reader's.
 *
 * <p><b>Threads:</b> one at a time. <b>Ownership:</b> the maker closes.
 */
final class ReplyBuffer implements AutoCloseable {
  static final int BODY_AT = 4096;
  static final int HEAD_AT = BODY_AT - ReplyHeader.BYTES;

  /** Where a notice begins whose bytes are the body. */
  static final int NOTICE_AT = HEAD_AT - StoreNotice.BYTES;

  private final NativeBuffer buffer;
  private final MemorySegment memory;
  private final ByteBuffer data;
  private final boolean isLocked;

  private ReplyBuffer(NativeBuffer buffer, int bodyBytes, boolean isLocked) {
    this.buffer = buffer;
    this.memory = buffer.memory();
    this.data = memory.asSlice(BODY_AT, bodyBytes).asByteBuffer();
    this.isLocked = isLocked;
  }

  /** Locked where that is allowed, else only touched: without swap it stays all the same. */
  static ReplyBuffer allocate(int bodyBytes) throws LinuxException {
    long bytes = BODY_AT + (long) bodyBytes;
    try {
      return new ReplyBuffer(NativeBuffer.locked(bytes), bodyBytes, true);
    } catch (LinuxException e) {
      return new ReplyBuffer(NativeBuffer.allocate(bytes), bodyBytes, false);
    }
  }

  MemorySegment memory() {
    return memory;
  }

  int bodyBytes() {
    return data.capacity();
  }

  boolean isLocked() {
    return isLocked;
  }

  /** The body's first bytes, empty to be filled; the same object each time. */
  ByteBuffer data(int length) {
    return data.clear().limit(length);
  }

  @Override
  public void close() {
    buffer.close();
  }
}
