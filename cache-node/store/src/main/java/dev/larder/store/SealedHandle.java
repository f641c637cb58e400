package dev.larder.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/** One caller's share of a sealed blob's file. */
final class SealedHandle implements BlobStore.SealedBlob {
  private final StoreWork work;
  private final OpenBlob blob;
  private final BlobStore.SealedInfo info;
  private final AtomicBoolean closed = new AtomicBoolean();

  SealedHandle(StoreWork work, OpenBlob blob) {
    this.work = work;
    this.blob = blob;
    this.info = Sealer.info(blob.key, blob.record());
  }

  @Override
  public BlobStore.SealedInfo info() {
    return info;
  }

  @Override
  public Path path() {
    return blob.path();
  }

  @Override
  public FileChannel channel() {
    requireOpen();
    try {
      return blob.channel();
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }

  @Override
  public void verify(long offset, long length) {
    requireOpen();
    work.reader().verify(blob, offset, length);
  }

  @Override
  public int read(long offset, ByteBuffer target) {
    requireOpen();
    return work.reader().read(blob, offset, target);
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      work.open().release(blob);
    }
  }

  private void requireOpen() {
    if (closed.get() || work.open().isShut()) {
      throw Faults.closed();
    }
  }
}
