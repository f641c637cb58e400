package dev.larder.mount.tree;

import java.nio.ByteBuffer;

/** A file open for reading. One thread at a time, but {@link #close} from any. */
public interface TreeFile extends AutoCloseable {
  /** Whether reads are answered from this host's disk or memory, so that none can wait long. */
  boolean isLocal();

  /**
   * Reads until the target is full or the file ends; may wait for an origin.
   *
   * @param offset at least 0; at or behind the end nothing is read
   * @param target filled from its position, which moves
   * @throws dev.larder.protocol.LarderException on a fault, also if some bytes were read; CANCELLED
   *     after {@link #close}
   */
  void read(long offset, ByteBuffer target);

  /** Ends a read that waits with CANCELLED; idempotent. */
  @Override
  void close();
}
