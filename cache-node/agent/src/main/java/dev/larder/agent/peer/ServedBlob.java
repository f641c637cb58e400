package dev.larder.agent.peer;

import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.FillReader;
import dev.larder.agent.fill.Found;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedBlob;
import dev.larder.store.BlobStore.State;
import java.nio.channels.FileChannel;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A blob as this node can serve it to a member now. One thread. */
abstract class ServedBlob implements AutoCloseable {
  private final long sizeBytes;

  private ServedBlob(long sizeBytes) {
    this.sizeBytes = sizeBytes;
  }

  /** Bytes in a file that may be sent. */
  record Span(FileChannel channel, long offset, long length) {}

  /**
   * The blob: sealed, else the flight that brings it in, else what the store has of it.
   *
   * @throws LarderException UNKNOWN_BLOB
   */
  static ServedBlob open(BlobStore store, FillEngine engine, BlobKey key) {
    Optional<SealedBlob> sealed = store.openSealed(key);
    if (sealed.isPresent()) {
      return new Whole(sealed.get());
    }
    Optional<BlobInfo> info = store.find(key);
    if (info.isEmpty() || Blocks.isSmall(info.get().sizeBytes())) {
      throw new LarderException(ErrorCode.UNKNOWN_BLOB, "no blob " + key + " is here");
    }
    long size = info.get().sizeBytes();
    Optional<FillReader> flight = engine.join(key);
    if (flight.isPresent()) {
      return new Filling(size, flight.get());
    }
    if (info.get().state() == State.SEALED || info.get().presentBytes() == 0) {
      throw new LarderException(ErrorCode.UNKNOWN_BLOB, "no file of blob " + key + " is here");
    }
    return new Partial(store.openFill(key, size));
  }

  long sizeBytes() {
    return sizeBytes;
  }

  /** Whether every byte is here, so that the whole range can be promised. */
  abstract boolean isWhole();

  /** Waits for bytes at an offset; null when this node has no more and gets no more. */
  abstract @Nullable Span next(long offset, long lengthMax);

  /** The member is gone: ends a wait. From any thread, does not wait. */
  void giveUp() {}

  @Override
  public abstract void close();

  private static final class Whole extends ServedBlob {
    private final SealedBlob blob;

    Whole(SealedBlob blob) {
      super(blob.info().sizeBytes());
      this.blob = blob;
    }

    @Override
    boolean isWhole() {
      return true;
    }

    @Override
    Span next(long offset, long lengthMax) {
      blob.verify(offset, lengthMax);
      return new Span(blob.channel(), offset, lengthMax);
    }

    @Override
    public void close() {
      blob.close();
    }
  }

  private static final class Filling extends ServedBlob {
    private final FillReader reader;

    Filling(long sizeBytes, FillReader reader) {
      super(sizeBytes);
      this.reader = reader;
    }

    @Override
    boolean isWhole() {
      return false;
    }

    @Override
    @Nullable Span next(long offset, long lengthMax) {
      return switch (reader.next(offset, lengthMax)) {
        case Found.Bytes bytes -> new Span(bytes.channel(), bytes.offset(), bytes.length());
        case Found.PastStore none -> null;
      };
    }

    @Override
    void giveUp() {
      // Not on the caller's thread, an event loop: closing takes the fill's lock.
      Thread.startVirtualThread(reader::close);
    }

    @Override
    public void close() {
      reader.close();
    }
  }

  private static final class Partial extends ServedBlob {
    private final Fill fill;

    Partial(Fill fill) {
      super(fill.sizeBytes());
      this.fill = fill;
    }

    @Override
    boolean isWhole() {
      return false;
    }

    @Override
    @Nullable Span next(long offset, long lengthMax) {
      long block = Blocks.blockAt(offset);
      long end = Math.min(Blocks.blockOffset(block + 1), offset + lengthMax);
      if (!fill.isPresent(block)) {
        return null;
      }
      fill.verify(offset, end - offset);
      return new Span(fill.channel(), offset, end - offset);
    }

    @Override
    public void close() {
      fill.close();
    }
  }
}
