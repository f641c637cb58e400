package dev.larder.fuse;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A blob open for reading, shared by all who have it open.
 *
 * <p><b>Threads:</b> any, several at once; {@link #close} when no other call runs. <b>Errors:</b>
 * {@link dev.larder.protocol.LarderException}, see {@link Errnos}.
 */
public interface OpenedBlob extends AutoCloseable {

  /** The size that {@link BlobNamespace#sizeOf} told. */
  long sizeBytes();

  /**
   * Fills a direct buffer up to its limit with bytes of the blob if they are all in the local store
   * and need no waiting but the disk's. Called by the threads that read the kernel's requests, so
   * it should not allocate when the bytes are in memory.
   *
   * @param offset into the blob; offset and remaining bytes lie within it
   * @return the bytes read, all that were remaining, with the position moved to the limit; or -1
   *     when {@link #read} has to be called, whatever was written to the buffer
   */
  int readNow(long offset, ByteBuffer target);

  /**
   * How many of the first bytes an open should bring into the page cache at once if {@link
   * #readNow} has them: all of a small file, whose reader would ask for them next; at most what one
   * READ may have. 0 for none.
   */
  default int preloadBytes() {
    return 0;
  }

  /**
   * Waits until {@link #readNow} may succeed, so that no buffer is held meanwhile; may return
   * before that, at worst at once.
   */
  default void await(long offset, int length, Cancel cancel) {}

  /**
   * Fills a direct buffer up to its limit, and waits for the bytes as long as that takes.
   *
   * @param cancel ends the wait with CANCELLED when nobody wants the bytes any more
   * @return the bytes read, all that were remaining, with the position moved to the limit
   */
  int read(long offset, ByteBuffer target, Cancel cancel);

  /**
   * The blob as a sealed file of exactly its size, every byte of it verified, that the kernel may
   * read by itself from now on; empty while there is none. Must be quick, as {@link
   * BlobNamespace#open}.
   */
  Optional<Path> sealedFile();

  /** Gives everything back; idempotent. */
  @Override
  void close();
}
