package dev.larder.client;

import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;

/** A file as a seekable channel. */
final class BlobChannel implements RemoteFile {
  private final RemoteEntry entry;
  private final BlobReads reads;
  private volatile boolean open = true;
  private long position;

  BlobChannel(RemoteEntry entry, BlobReads reads) {
    this.entry = entry;
    this.reads = reads;
  }

  BlobReads reads() {
    return reads;
  }

  @Override
  public RemoteEntry entry() {
    return entry;
  }

  @Override
  public int read(ByteBuffer target, long offset) {
    return reads.read(target, offset);
  }

  @Override
  public boolean isDirect() {
    return reads.isDirect();
  }

  @Override
  public int read(ByteBuffer target) throws ClosedChannelException {
    checkOpen();
    int count = reads.read(target, position);
    if (count > 0) {
      position += count;
    }
    return count;
  }

  @Override
  public int write(ByteBuffer source) {
    throw new NonWritableChannelException();
  }

  @Override
  public long position() throws ClosedChannelException {
    checkOpen();
    return position;
  }

  @Override
  public RemoteFile position(long newPosition) throws ClosedChannelException {
    checkOpen();
    if (newPosition < 0) {
      throw new IllegalArgumentException("negative position " + newPosition);
    }
    position = newPosition;
    return this;
  }

  @Override
  public long size() throws ClosedChannelException {
    checkOpen();
    return entry.sizeBytes();
  }

  @Override
  public RemoteFile truncate(long size) {
    throw new NonWritableChannelException();
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public void close() {
    open = false;
    reads.close();
  }

  private void checkOpen() throws ClosedChannelException {
    if (!open) {
      throw new ClosedChannelException();
    }
  }
}
