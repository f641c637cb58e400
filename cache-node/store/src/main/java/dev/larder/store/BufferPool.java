package dev.larder.store;

import dev.larder.protocol.Blocks;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Direct buffers of one block, for checking and for copying to and from heap buffers. Bounded: a
 * thread waits for a buffer when all are in use. A thread takes one at a time, so waiting ends.
 */
final class BufferPool {
  private final ConcurrentLinkedQueue<ByteBuffer> idle = new ConcurrentLinkedQueue<>();
  private final AtomicInteger made = new AtomicInteger();
  private final Semaphore permits;

  BufferPool(long bytesMax) {
    permits = new Semaphore((int) Math.min(bytesMax / Blocks.BLOCK_BYTES, 1 << 16));
  }

  /** A cleared buffer of {@link Blocks#BLOCK_BYTES}, given back by closing the lease. */
  Lease take() {
    permits.acquireUninterruptibly();
    ByteBuffer buffer = idle.poll();
    if (buffer == null) {
      made.incrementAndGet();
      buffer = ByteBuffer.allocateDirect(Blocks.BLOCK_BYTES);
    }
    return new Lease(buffer.clear());
  }

  /** Direct memory held. */
  long bytes() {
    return (long) made.get() * Blocks.BLOCK_BYTES;
  }

  /** A buffer in use. */
  final class Lease implements AutoCloseable {
    private final ByteBuffer buffer;

    private Lease(ByteBuffer buffer) {
      this.buffer = buffer;
    }

    ByteBuffer buffer() {
      return buffer;
    }

    @Override
    public void close() {
      idle.add(buffer);
      permits.release();
    }
  }
}
