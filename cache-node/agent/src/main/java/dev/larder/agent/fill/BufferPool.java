package dev.larder.agent.fill;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;

/**
 * Buffers of one size off heap, at most so many; whoever wants one more waits. Any thread. A buffer
 * that is not given back is lost to the pool.
 */
final class BufferPool {
  private final int bufferBytes;
  private final int buffersMax;
  private final Semaphore free;
  private final ConcurrentLinkedQueue<ByteBuffer> idle = new ConcurrentLinkedQueue<>();

  BufferPool(int bufferBytes, long bytesMax) {
    this.bufferBytes = bufferBytes;
    this.buffersMax = (int) Math.max(1, bytesMax / bufferBytes);
    this.free = new Semaphore(buffersMax);
  }

  /** A cleared buffer; CANCELLED when the thread is interrupted. */
  ByteBuffer acquire() {
    try {
      free.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting for a buffer", e);
    }
    ByteBuffer buffer = idle.poll();
    return buffer != null ? buffer.clear() : ByteBuffer.allocateDirect(bufferBytes);
  }

  void release(ByteBuffer buffer) {
    idle.add(buffer);
    free.release();
  }

  /** Bytes handed out now. */
  long usedBytes() {
    return (long) (buffersMax - free.availablePermits()) * bufferBytes;
  }
}
