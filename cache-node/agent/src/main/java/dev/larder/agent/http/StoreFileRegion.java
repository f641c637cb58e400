package dev.larder.agent.http;

import io.netty.channel.DefaultFileRegion;
import io.netty.channel.FileRegion;
import io.netty.util.AbstractReferenceCounted;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;

/**
 * A range of a file whose channel belongs to the store: released, it leaves the channel open. Netty
 * sends it by sendfile.
 */
public final class StoreFileRegion extends DefaultFileRegion {
  // Netty's native transport takes the descriptor out of this class's fields, unchecked; any other
  // kind of channel would crash the process.
  private static final String NATIVE = "sun.nio.ch.FileChannelImpl";

  private StoreFileRegion(FileChannel channel, long position, long length) {
    super(channel, position, length);
  }

  /** A region of the channel, whatever kind of channel it is. */
  public static FileRegion of(FileChannel channel, long position, long length) {
    return channel.getClass().getName().equals(NATIVE)
        ? new StoreFileRegion(channel, position, length)
        : new Foreign(channel, position, length);
  }

  @Override
  protected void deallocate() {
    // The store closes its channel.
  }

  /** A range of a channel that is not the JDK's own, sent through the channel's methods. */
  private static final class Foreign extends AbstractReferenceCounted implements FileRegion {
    private final FileChannel channel;
    private final long position;
    private final long length;
    private long transferred;

    Foreign(FileChannel channel, long position, long length) {
      this.channel = channel;
      this.position = position;
      this.length = length;
    }

    @Override
    public long position() {
      return position;
    }

    @Override
    @Deprecated
    public long transfered() {
      return transferred;
    }

    @Override
    public long transferred() {
      return transferred;
    }

    @Override
    public long count() {
      return length;
    }

    @Override
    public long transferTo(WritableByteChannel target, long at) throws IOException {
      long left = length - at;
      if (left == 0) {
        return 0;
      }
      long sent = channel.transferTo(position + at, left, target);
      if (sent == 0 && position + at >= channel.size()) {
        throw new EOFException("a stored file is too short");
      }
      transferred += sent;
      return sent;
    }

    @Override
    public FileRegion retain() {
      super.retain();
      return this;
    }

    @Override
    public FileRegion retain(int increment) {
      super.retain(increment);
      return this;
    }

    @Override
    public FileRegion touch() {
      return this;
    }

    @Override
    public FileRegion touch(Object hint) {
      return this;
    }

    @Override
    protected void deallocate() {
      // The store closes its channel.
    }
  }
}
