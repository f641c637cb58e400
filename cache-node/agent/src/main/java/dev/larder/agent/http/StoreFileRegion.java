package dev.larder.agent.http;

import io.netty.channel.DefaultFileRegion;
import java.nio.channels.FileChannel;

/**
 * A range of a file whose channel belongs to the store: released, it leaves the channel open. Netty
 * sends it by sendfile.
 */
final class StoreFileRegion extends DefaultFileRegion {
  StoreFileRegion(FileChannel channel, long position, long length) {
    super(channel, position, length);
  }

  @Override
  protected void deallocate() {
    // The store closes its channel.
  }
}
