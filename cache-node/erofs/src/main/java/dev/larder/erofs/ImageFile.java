package dev.larder.erofs;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The image while it is written: one growing area at the end, buffered, and writes behind it.
 *
 * <p>One thread. Written by write calls and never through a mapping, so that a full disk is an
 * exception and no signal.
 */
final class ImageFile implements Closeable {
  private static final int BUFFER = 1 << 20;

  private final FileChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER).order(ByteOrder.LITTLE_ENDIAN);

  /** Offset in the file of the buffer's first byte. */
  private long bufferStart;

  ImageFile(Path file) throws IOException {
    channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /** Where {@link #append} goes on. */
  long position() {
    return bufferStart + buffer.position();
  }

  /** Starts the growing area at an offset; only before the first append. */
  void startAt(long offset) {
    if (position() != 0) {
      throw new IllegalStateException("already at " + position());
    }
    bufferStart = offset;
  }

  void append(byte[] bytes, int offset, int length) throws IOException {
    int done = 0;
    while (done < length) {
      if (!buffer.hasRemaining()) {
        flush();
      }
      int now = Math.min(length - done, buffer.remaining());
      buffer.put(bytes, offset + done, now);
      done += now;
    }
  }

  void appendZeros(long count) throws IOException {
    byte[] zeros = new byte[(int) Math.min(count, Erofs.BLOCK)];
    for (long left = count; left > 0; left -= zeros.length) {
      append(zeros, 0, (int) Math.min(left, zeros.length));
    }
  }

  /** Overwrites bytes anywhere before {@link #position}, or before the growing area. */
  void patch(long at, byte[] bytes, int offset, int length) throws IOException {
    int before = (int) Math.max(0, Math.min(length, bufferStart - at));
    ByteBuffer early = ByteBuffer.wrap(bytes, offset, before);
    long target = at;
    while (early.hasRemaining()) {
      target += channel.write(early, target);
    }
    if (before < length) {
      buffer.put((int) (at + before - bufferStart), bytes, offset + before, length - before);
    }
  }

  void flush() throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      bufferStart += channel.write(buffer, bufferStart);
    }
    buffer.clear();
  }

  /** Makes all bytes durable. */
  void force() throws IOException {
    flush();
    channel.force(true);
  }

  FileChannel channel() {
    return channel;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
