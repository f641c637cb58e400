package dev.larder.client;

import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;

/**
 * A file of a snapshot, open for reading. Writes and truncation throw {@link
 * java.nio.channels.NonWritableChannelException}.
 *
 * <p><b>Threads:</b> positional reads from any number at once; the channel's own position belongs
 * to one thread at a time.
 */
public interface RemoteFile extends SeekableByteChannel {
  /** The entry as it was opened. */
  RemoteEntry entry();

  /**
   * Reads up to {@code target.remaining()} bytes at an offset without touching the position;
   * returns the number read, at least 1, or -1 at or behind the end.
   */
  int read(ByteBuffer target, long offset);

  /** Whether reads come straight from the store's file on this host, without the agent. */
  boolean isDirect();
}
