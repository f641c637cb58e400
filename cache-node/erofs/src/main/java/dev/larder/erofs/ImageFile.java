package dev.larder.erofs;

import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

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

  /** Appends from position to limit; the position moves. */
  void append(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      if (!buffer.hasRemaining()) {
        flush();
      }
      int now = Math.min(bytes.remaining(), buffer.remaining());
      buffer.put(buffer.position(), bytes, bytes.position(), now);
      buffer.position(buffer.position() + now);
      bytes.position(bytes.position() + now);
    }
  }

  /** Reads bytes that were written and flushed, or patched before the growing area. */
  void read(long at, ByteBuffer target) throws IOException {
    long from = at;
    while (target.hasRemaining()) {
      int now = channel.read(target, from);
      if (now < 0) {
        throw new EOFException("the image ends at " + from);
      }
      from += now;
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

  /**
   * SHA-256 of the whole file, which must be flushed.
   *
   * @param each called before each MiB; what it throws ends the digesting
   */
  Digest digest(Runnable each) throws IOException {
    MessageDigest sha = sha256();
    ByteBuffer part = ByteBuffer.allocate(BUFFER);
    long at = 0;
    for (int n = channel.read(part, at); n >= 0; n = channel.read(part, at)) {
      each.run();
      at += n;
      sha.update(part.flip());
      part.clear();
    }
    return Digest.of(sha.digest());
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new LarderException(ErrorCode.INTERNAL, "this Java runtime has no SHA-256", e);
    }
  }

  /** Deletes an image that was not finished, unless the fault is that it existed before. */
  static void discard(Path image, Throwable fault) {
    if (fault.getCause() instanceof FileAlreadyExistsException) {
      return;
    }
    try {
      Files.deleteIfExists(image);
    } catch (IOException e) {
      fault.addSuppressed(e);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
