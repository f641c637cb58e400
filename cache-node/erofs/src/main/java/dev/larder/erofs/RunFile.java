package dev.larder.erofs;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A temporary file of records: a 4-byte length and the bytes, again and again. */
final class RunFile {
  private RunFile() {}

  /** Writes a run; one thread. */
  static final class Writer implements Closeable {
    private final FileChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocate(ExternalSorter.RECORD_MAX * 2);

    Writer(Path file) throws IOException {
      channel = FileChannel.open(file, StandardOpenOption.WRITE);
    }

    void add(byte[] bytes, int offset, int length) throws IOException {
      if (buffer.remaining() < 4 + length) {
        flush();
      }
      buffer.putInt(length).put(bytes, offset, length);
    }

    private void flush() throws IOException {
      buffer.flip();
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      buffer.clear();
    }

    @Override
    public void close() throws IOException {
      try (channel) {
        flush();
      }
    }
  }

  /** Reads a run; one thread. */
  static final class Reader implements RecordCursor {
    private final FileChannel channel;
    private final ByteBuffer buffer;
    private int offset;
    private int length;

    Reader(Path file, int bufferBytes) throws IOException {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      buffer = ByteBuffer.allocate(bufferBytes).flip();
    }

    @Override
    public boolean next() throws IOException {
      if (buffer.remaining() < 4 && !fill(4)) {
        return false;
      }
      length = buffer.getInt();
      if (length < 0 || length > ExternalSorter.RECORD_MAX) {
        throw new IOException("a temporary run file was changed by somebody else");
      }
      if (buffer.remaining() < length && !fill(length)) {
        throw new EOFException("a temporary run file was cut off by somebody else");
      }
      offset = buffer.position();
      buffer.position(offset + length);
      return true;
    }

    private boolean fill(int wanted) throws IOException {
      buffer.compact();
      while (buffer.position() < wanted && channel.read(buffer) >= 0) {
        // read() says -1 at the end
      }
      buffer.flip();
      return buffer.remaining() >= wanted;
    }

    @Override
    public byte[] bytes() {
      return buffer.array();
    }

    @Override
    public int offset() {
      return offset;
    }

    @Override
    public int length() {
      return length;
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
