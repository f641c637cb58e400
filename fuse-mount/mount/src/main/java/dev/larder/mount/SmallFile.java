package dev.larder.mount;

import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.MemorySpan;
import dev.larder.fuse.Cancel;
import dev.larder.fuse.OpenedBlob;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A small blob open through FUSE: its whole content comes into memory with the first read and stays
 * until the last close. Any thread.
 */
final class SmallFile implements OpenedBlob {
  private final NodeBlobs node;
  private final BlobKey key;
  private final long sizeBytes;
  private final Supplier<BlobRead> opener;
  private volatile @Nullable ByteBuffer content;

  SmallFile(NodeBlobs node, BlobKey key, long sizeBytes, Supplier<BlobRead> opener) {
    this.node = node;
    this.key = key;
    this.sizeBytes = sizeBytes;
    this.opener = opener;
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public int readNow(long offset, ByteBuffer target) {
    ByteBuffer now = content;
    if (now == null) {
      now = node.localSmall(key);
      if (now == null) {
        return -1;
      }
      keep(now);
    }
    return copy(now, offset, target);
  }

  @Override
  public int preloadBytes() {
    return (int) sizeBytes;
  }

  @Override
  public void await(long offset, int length, Cancel cancel) {
    if (content == null) {
      fetch(cancel);
    }
  }

  @Override
  public int read(long offset, ByteBuffer target, Cancel cancel) {
    ByteBuffer now = content;
    return copy(now == null ? fetch(cancel) : now, offset, target);
  }

  private ByteBuffer fetch(Cancel cancel) {
    try (BlobRead read = opener.get()) {
      cancel.onCancel(read::close);
      if (!(read.next(0, sizeBytes) instanceof MemorySpan memory)) {
        throw new LarderException(ErrorCode.INTERNAL, key + " is small, yet lies in a file");
      }
      ByteBuffer bytes = memory.bytes().duplicate();
      keep(bytes);
      return bytes;
    } finally {
      cancel.onCancel(null);
    }
  }

  private void keep(ByteBuffer bytes) {
    if (bytes.remaining() != sizeBytes) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          key + " has " + bytes.remaining() + " bytes, its catalog says " + sizeBytes);
    }
    content = bytes;
  }

  private static int copy(ByteBuffer from, long offset, ByteBuffer target) {
    int length = target.remaining();
    target.put(from.slice(from.position() + (int) offset, length));
    return length;
  }

  /** Empty: what lies in the index is no file. */
  @Override
  public Optional<Path> sealedFile() {
    return Optional.empty();
  }

  @Override
  public void close() {
    content = null;
  }
}
