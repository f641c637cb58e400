package dev.larder.examples;

import dev.larder.client.LarderClient;
import dev.larder.client.RemoteFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;

/** Reads parts of a file: {@code DATASET PATH OFFSET}. */
public final class PositionalReads {
  private PositionalReads() {}

  public static void main(String[] args) throws IOException {
    try (LarderClient larder = LarderClient.connect();
        RemoteFile file = larder.open(args[0], args[1])) {
      System.out.println("number at " + args[2] + ": " + numberAt(file, Long.parseLong(args[2])));
      System.out.println("last number: " + lastNumber(file));
    }
  }

  static long numberAt(RemoteFile file, long offset) {
    ByteBuffer buffer = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (file.read(buffer, offset + buffer.position()) < 0) {
        throw new IllegalArgumentException("the file ends before " + (offset + Long.BYTES));
      }
    }
    return buffer.flip().getLong();
  }

  static long lastNumber(SeekableByteChannel channel) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    channel.position(channel.size() - Long.BYTES);
    while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
      // A channel may give less than asked for.
    }
    return buffer.flip().getLong();
  }
}
