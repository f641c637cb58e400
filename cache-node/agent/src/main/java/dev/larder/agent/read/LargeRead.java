package dev.larder.agent.read;

import dev.larder.agent.fill.FillReader;
import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.fill.FillSource;
import dev.larder.agent.fill.Found;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.SealedBlob;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A read of a blob that is kept as a file: from its sealed file, else from the fill under way, else
 * past the store. It changes over by itself at any byte.
 */
final class LargeRead implements BlobRead {
  /*
   * The sealed file is verified in steps that double with each call: the first bytes go out after one
   * block was hashed, and a blob verified before is handed out in large spans.
   */
  private static final Logger log = LoggerFactory.getLogger(LargeRead.class);
  private static final long STEP_MAX = 64L * Blocks.BLOCK_BYTES;

  /** Longest request past the store: after it the store is tried again. */
  private static final long PAST_STORE_MAX = 16L << 20;

  private final CachedReadPlane plane;
  private final BlobKey key;
  private final long sizeBytes;
  private final ReadShape shape;
  private final Object state = new Object();

  // Written by the reading thread under `state`, so that close sees them.
  private Optional<FillSource> source;
  private @Nullable SealedBlob sealed;
  private @Nullable FillReader filling;
  private @Nullable PassThrough past;
  private boolean isClosed;

  private long step = Blocks.BLOCK_BYTES;
  private boolean isCounted;

  LargeRead(
      CachedReadPlane plane,
      BlobKey key,
      long sizeBytes,
      ReadShape shape,
      Optional<FillSource> source,
      Optional<SealedBlob> sealed) {
    this.plane = plane;
    this.key = key;
    this.sizeBytes = sizeBytes;
    this.shape = shape;
    this.source = source;
    this.sealed = sealed.orElse(null);
  }

  @Override
  public BlobKey key() {
    return key;
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public boolean isLocal() {
    synchronized (state) {
      return sealed != null;
    }
  }

  @Override
  public Optional<Digest> root() {
    synchronized (state) {
      return sealed == null ? Optional.empty() : Optional.of(sealed.info().root());
    }
  }

  @Override
  public Span next(long offset, long lengthMax) {
    if (offset < 0 || offset >= sizeBytes || lengthMax < 1) {
      throw new LarderException(
          ErrorCode.BAD_RANGE, "offset " + offset + " of a blob of " + sizeBytes + " bytes");
    }
    Span span = find(offset, Math.min(lengthMax, sizeBytes - offset));
    plane.counters().handedOut(span.source(), span.length(), !isCounted);
    isCounted = true;
    return span;
  }

  @Override
  public void close() {
    FillReader reader;
    SealedBlob file;
    PassThrough open;
    synchronized (state) {
      if (isClosed) {
        return;
      }
      isClosed = true;
      reader = filling;
      file = sealed;
      open = past;
    }
    if (reader != null) {
      reader.close();
    }
    if (file != null) {
      file.close();
    }
    if (open != null) {
      open.close();
      plane.pastStoreEnded();
    }
  }

  private Span find(long offset, long length) {
    while (true) {
      Optional<Span> span = fromSealed(offset, length);
      if (span.isEmpty()) {
        span = fromRunningRequest(offset, length);
      }
      if (span.isEmpty()) {
        span = fromFill(offset, length);
      }
      if (span.isEmpty()) {
        span = pastStore(offset, length);
      }
      if (span.isPresent()) {
        return span.get();
      }
    }
  }

  private Optional<Span> fromSealed(long offset, long length) {
    SealedBlob file = sealed;
    if (file == null) {
      return Optional.empty();
    }
    checkOpen();
    long blockEnd = Blocks.blockOffset(Blocks.blockAt(offset)) + step;
    long take = Math.min(length, blockEnd - offset);
    try {
      file.verify(offset, take);
    } catch (LarderException e) {
      plane.damaged(key, e);
      synchronized (state) {
        sealed = null;
      }
      file.close();
      if (source.isEmpty() && sourceNow().isEmpty()) {
        throw e;
      }
      return Optional.empty();
    }
    step = Math.min(STEP_MAX, 2 * step);
    return Optional.of(new FileSpan(file.channel(), offset, take, Source.LOCAL));
  }

  private Optional<Span> fromFill(long offset, long length) {
    FillReader reader = filling;
    if (reader == null) {
      try {
        reader = plane.engine().open(sourceOrFail(), shape);
      } catch (LarderException e) {
        if (!isPastable(e)) {
          throw e;
        }
        return Optional.empty();
      }
      if (!keep(reader)) {
        throw cancelled();
      }
    }
    Found found;
    try {
      found = reader.next(offset, length);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.STORE_CORRUPT) {
        throw e;
      }
      // Set aside under this read: the origin has the right bytes, and then the next flight.
      synchronized (state) {
        filling = null;
      }
      reader.close();
      return Optional.empty();
    }
    return switch (found) {
      case Found.Bytes bytes ->
          Optional.of(
              new FileSpan(
                  bytes.channel(),
                  bytes.offset(),
                  bytes.length(),
                  bytes.wasLocal() ? Source.LOCAL : Source.ORIGIN));
      case Found.PastStore none -> Optional.empty();
    };
  }

  private Optional<Span> fromRunningRequest(long offset, long length) {
    PassThrough running = past;
    if (running == null || !running.continuesAt(offset)) {
      return Optional.empty();
    }
    checkOpen();
    return Optional.of(new MemorySpan(running.next(length), Source.ORIGIN));
  }

  private Optional<Span> pastStore(long offset, long length) {
    PassThrough running = past;
    if (running == null) {
      running = plane.pastStore(sourceOrFail());
      synchronized (state) {
        if (isClosed) {
          plane.pastStoreEnded();
          throw cancelled();
        }
        past = running;
      }
    }
    running.open(offset, Math.min(length, PAST_STORE_MAX));
    return fromRunningRequest(offset, length);
  }

  private boolean keep(FillReader reader) {
    synchronized (state) {
      if (!isClosed) {
        filling = reader;
        return true;
      }
    }
    reader.close();
    return false;
  }

  /** Faults that another way round helps against. */
  private static boolean isPastable(LarderException e) {
    return switch (e.code()) {
      case STORE_FULL, STORE_IO, STORE_CORRUPT, STORE_UNUSABLE, TOO_MANY -> true;
      default -> false;
    };
  }

  private FillSource sourceOrFail() {
    return sourceNow()
        .orElseThrow(() ->
            new LarderException(
                ErrorCode.UNKNOWN_BLOB, key + " is not here and no dataset lists it"));
  }

  private Optional<FillSource> sourceNow() {
    if (source.isEmpty()) {
      source = plane.sourceOf(key);
      source.ifPresent(
          found -> log.debug("found a source key={} uri={}", key, found.object().uri()));
    }
    return source;
  }

  private void checkOpen() {
    synchronized (state) {
      if (isClosed) {
        throw cancelled();
      }
    }
  }

  private static LarderException cancelled() {
    return new LarderException(ErrorCode.CANCELLED, "the read was closed");
  }
}
