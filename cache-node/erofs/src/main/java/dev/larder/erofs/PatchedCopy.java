package dev.larder.erofs;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;

/**
 * Copies the start of a mapped image into another file with some numbers changed on the way, and
 * takes the digest of what it copies from. One thread.
 */
final class PatchedCopy {
  private static final int BUFFER = 1 << 20;

  private final MemorySegment source;
  private final ImageFile target;
  private final MessageDigest digest;
  private final byte[] buffer = new byte[BUFFER];
  private final ByteBuffer view = ByteBuffer.wrap(buffer).order(ByteOrder.LITTLE_ENDIAN);
  private final ByteBuffer four = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);

  /** Offset of the buffer's first byte; a multiple of its length. */
  private long start;

  private int filled;

  PatchedCopy(MemorySegment source, ImageFile target, MessageDigest digest) {
    this.source = source;
    this.target = target;
    this.digest = digest;
  }

  /**
   * Copies up to a place, and puts a number there instead of the source's.
   *
   * @param at a multiple of 4, behind the place of the call before
   */
  void patch(long at, int value) throws IOException {
    copyTo(at + 4);
    view.putInt((int) (at - start), value);
  }

  /** Copies up to an offset, which is behind all before. */
  void copyTo(long end) throws IOException {
    while (start + filled < end) {
      if (filled == BUFFER) {
        flush();
      }
      // Always as much as there is: each byte of the source is digested once, before it changes.
      int now = (int) Math.min(BUFFER - filled, source.byteSize() - start - filled);
      MemorySegment.copy(source, ValueLayout.JAVA_BYTE, start + filled, buffer, filled, now);
      digest.update(buffer, filled, now);
      filled += now;
    }
  }

  private void flush() throws IOException {
    target.patch(start, buffer, 0, filled);
    start += filled;
    filled = 0;
  }

  /** A number that was copied or put already. */
  int copied(long at) throws IOException {
    if (at >= start) {
      return view.getInt((int) (at - start));
    }
    target.read(at, four.clear());
    return four.getInt(0);
  }

  /** Copies to the source's end and writes all. */
  void finish() throws IOException {
    copyTo(source.byteSize());
    flush();
  }
}
