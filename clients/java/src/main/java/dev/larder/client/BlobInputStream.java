package dev.larder.client;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** A file's bytes in order. One thread. */
final class BlobInputStream extends InputStream {
  private final BlobChannel channel;
  private final byte[] single = new byte[1];

  BlobInputStream(BlobChannel channel) {
    this.channel = channel;
    channel.reads().intend("sequential");
  }

  @Override
  public int read() throws IOException {
    return read(single, 0, 1) < 0 ? -1 : single[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    return length == 0 ? 0 : channel.read(ByteBuffer.wrap(target, offset, length));
  }

  @Override
  public long skip(long count) throws IOException {
    long step = Math.min(Math.max(count, 0), channel.size() - channel.position());
    channel.position(channel.position() + step);
    return step;
  }

  @Override
  public int available() throws IOException {
    long left = channel.size() - channel.position();
    return channel.isDirect() ? (int) Math.min(left, Integer.MAX_VALUE) : 0;
  }

  @Override
  public void close() {
    channel.close();
  }
}
