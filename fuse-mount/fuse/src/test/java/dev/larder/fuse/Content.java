package dev.larder.fuse;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Bytes that tell from which blob and from where in it they are. */
final class Content {
  private static final int STEP = 1 << 16;

  private Content() {}

  /** The eight bytes at {@code 8 * index}, little endian. */
  static long word(long seed, long index) {
    long z = seed + index * 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  static byte at(long seed, long offset) {
    return (byte) (word(seed, offset >> 3) >>> ((offset & 7) * 8));
  }

  static void write(Path file, long seed, long sizeBytes) throws IOException {
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer buffer = ByteBuffer.allocate(STEP).order(ByteOrder.LITTLE_ENDIAN);
      for (long offset = 0; offset < sizeBytes; offset += STEP) {
        buffer.clear();
        while (buffer.hasRemaining()) {
          buffer.putLong(word(seed, (offset + buffer.position()) >> 3));
        }
        buffer.flip().limit((int) Math.min(STEP, sizeBytes - offset));
        while (buffer.hasRemaining()) {
          int unused = out.write(buffer);
        }
      }
    }
  }

  /** Throws unless the remaining bytes are those of the blob from an offset on. */
  static void check(long seed, long offset, ByteBuffer bytes) {
    ByteBuffer view = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    long at = offset;
    while (view.hasRemaining()) {
      if ((at & 7) == 0 && view.remaining() >= 8) {
        if (view.getLong() != word(seed, at >> 3)) {
          throw new AssertionError("wrong bytes at " + at + " of blob " + seed);
        }
        at += 8;
      } else {
        if (view.get() != at(seed, at)) {
          throw new AssertionError("wrong byte at " + at + " of blob " + seed);
        }
        at++;
      }
    }
  }
}
