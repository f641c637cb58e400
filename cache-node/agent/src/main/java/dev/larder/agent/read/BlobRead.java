package dev.larder.agent.read;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Optional;

/** A blob open for reading. One thread at a time; {@link #close} from any. */
public interface BlobRead extends AutoCloseable {

  /** The blob's key. */
  BlobKey key();

  /** The blob's size in bytes. */
  long sizeBytes();

  /** Whether the whole blob is in the local store, sealed, so that {@link #next} never waits. */
  boolean isLocal();

  /**
   * The root of the whole blob its bytes are checked against, where that is known by now; of a blob
   * that is fetched, only once it was.
   */
  Optional<Digest> root();

  /**
   * Waits until at least one byte at the offset can be handed out and returns it with as many of
   * the bytes behind it as are there too, at most {@code lengthMax}. The caller uses a span before
   * it asks for the next one or closes the read.
   *
   * @param offset below {@link #sizeBytes}
   * @param lengthMax at least 1
   */
  Span next(long offset, long lengthMax);

  /** Stops waiting {@link #next} calls with CANCELLED and gives everything back; idempotent. */
  @Override
  void close();

  /** Bytes of a blob, where they lie. */
  sealed interface Span permits FileSpan, MemorySpan {
    /** Number of bytes. */
    long length();

    /** Where the bytes came from, for metrics. */
    Source source();
  }

  /** Bytes in a file, to be sent by sendfile or pread; the channel is not the caller's to close. */
  record FileSpan(FileChannel channel, long position, long length, Source source) implements Span {}

  /** Bytes in memory: a read-only buffer. */
  record MemorySpan(ByteBuffer bytes, Source source) implements Span {
    @Override
    public long length() {
      return bytes.remaining();
    }
  }

  /** Where bytes came from when they were first needed by this read. */
  enum Source {
    /** Present in the local store when asked for. */
    LOCAL,
    /** Another member's store. */
    PEER,
    /** The origin. */
    ORIGIN
  }
}
