package dev.larder.mount.contract;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file's bytes, computed wherever they are asked for: each eight bytes are a hash of the seed and
 * their place, so that bytes from a wrong file or place show. Large files are zeros but for one MiB
 * at every GiB and the end, so that they cost no disk.
 *
 * @param seed tells files apart
 * @param size in bytes
 * @param literal the bytes themselves where they are given; empty otherwise
 */
public record Content(long seed, long size, byte[] literal) {
  private static final long SPARSE_FROM = 256L << 20;
  private static final long STRIDE = 1L << 30;
  private static final long ISLAND = 1L << 20;

  /** Bytes that follow from a seed. */
  public static Content of(long seed, long size) {
    return new Content(seed, size, new byte[0]);
  }

  /** These bytes. */
  public static Content of(byte[] bytes) {
    return new Content(0, bytes.length, bytes);
  }

  /** Copies from an offset until the target is full or the content ends. */
  public void read(long offset, ByteBuffer target) {
    long at = offset;
    while (target.hasRemaining() && at < size) {
      target.put(at(at));
      at++;
    }
  }

  private byte at(long offset) {
    if (literal.length > 0) {
      return literal[(int) offset];
    }
    if (size >= SPARSE_FROM && offset % STRIDE >= ISLAND && offset < size - ISLAND) {
      return 0;
    }
    long x = (seed + (offset >>> 3)) * 0x9E3779B97F4A7C15L;
    x = (x ^ x >>> 30) * 0xBF58476D1CE4E5B9L;
    return (byte) ((x ^ x >>> 27) >>> 8 * (offset & 7));
  }

  /** All bytes; only of what fits in memory. */
  public byte[] bytes() {
    return bytes(0, (int) size);
  }

  /** Bytes from an offset, fewer at the end. */
  public byte[] bytes(long offset, int length) {
    ByteBuffer out = ByteBuffer.allocate((int) Math.clamp(size - offset, 0, length));
    read(offset, out);
    return out.array();
  }

  /** Writes a file, with holes where a large one is zero. */
  public void writeTo(Path file) throws IOException {
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      if (size < SPARSE_FROM) {
        writeRange(out, 0, size);
        return;
      }
      for (long at = 0; at < size; at += STRIDE) {
        writeRange(out, at, Math.min(size, at + ISLAND));
      }
      writeRange(out, size - ISLAND, size);
    }
  }

  private void writeRange(FileChannel out, long from, long to) throws IOException {
    for (long at = from; at < to; ) {
      ByteBuffer part = ByteBuffer.wrap(bytes(at, (int) Math.min(1 << 16, to - at)));
      while (part.hasRemaining()) {
        at += out.write(part, at);
      }
    }
  }
}
