package dev.larder.store;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The SHA-256 of a blob's first blocks, carried on while the blob fills, so that sealing a large
 * {@code sha256:} blob does not begin to hash when its last byte came. Blocks are read back from
 * the file, where they are still in the page cache.
 *
 * <p>Any thread; one at a time works, others go on their way.
 */
final class PrefixHash {
  private final OpenBlob blob;
  private final BufferPool buffers;
  private final ReentrantLock lock = new ReentrantLock();
  private MessageDigest sha = Digests.sha256();
  private long nextBlock;
  private volatile boolean stale;
  private final AtomicBoolean queued = new AtomicBoolean();

  PrefixHash(OpenBlob blob, BufferPool buffers) {
    this.blob = blob;
    this.buffers = buffers;
  }

  /** Some block was dropped and may come back with other bytes: begin anew. */
  void invalidate() {
    stale = true;
  }

  /** Whether the caller is to queue a call of {@link #advance}: false while one is queued. */
  boolean queue() {
    return queued.compareAndSet(false, true);
  }

  /** Takes in what is present in order; does nothing if another thread is at it. */
  void advance() throws IOException {
    queued.set(false);
    if (lock.tryLock()) {
      try {
        run();
      } finally {
        lock.unlock();
      }
    }
  }

  /** The digest of the whole content, which must be present. */
  Digest finish() throws IOException {
    lock.lock();
    try {
      run();
      if (nextBlock < Blocks.blockCount(blob.sizeBytes)) {
        throw new IOException(
            "block " + nextBlock + " of " + blob.key + " went while it was hashed");
      }
      Digest result = Digest.of(sha.digest());
      restart();
      return result;
    } finally {
      lock.unlock();
    }
  }

  private void run() throws IOException {
    if (stale) {
      restart();
    }
    while (nextBlock < Blocks.blockCount(blob.sizeBytes)
        && !stale
        && OpenBlob.bit(blob.present, nextBlock)) {
      long block = nextBlock;
      try (BufferPool.Lease lease = buffers.take()) {
        ByteBuffer bytes = lease.buffer().limit(blob.length(block));
        blob.withFile(file -> file.read(Blocks.blockOffset(block), bytes));
        if (bytes.hasRemaining()) {
          throw new IOException("the file ends in block " + block);
        }
        sha.update(bytes.flip());
      }
      nextBlock++;
    }
  }

  private void restart() {
    sha = Digests.sha256();
    nextBlock = 0;
    stale = false;
  }
}
