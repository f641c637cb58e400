package dev.larder.mount;

import dev.larder.agent.read.BlobRead.FileSpan;
import dev.larder.agent.read.BlobRead.MemorySpan;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.BlobRead.Span;
import dev.larder.fuse.Cancel;
import dev.larder.fuse.OpenedBlob;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.Fill;
import dev.larder.store.BlobStore.SealedBlob;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A blob kept as a file, open through FUSE: present blocks are read from the store's file at once,
 * others through the read plane, which fetches them.
 *
 * <p>The store's handles are given back when nobody has read for a while, so that a file that is
 * merely open does not keep its blocks from eviction.
 *
 * <p><b>Threads:</b> any.
 */
final class LargeFile implements OpenedBlob {
  /*
   * Locks: `state` guards the handles and is held for no I/O but opening and closing them. A read
   * takes a use of the handles first, so that nobody closes what a read works on. Stale ones go to
   * no further read, however many still work on them: their bytes may have been found wrong.
   */
  private static final Logger log = LoggerFactory.getLogger(LargeFile.class);

  private final NodeBlobs node;
  private final BlobKey key;
  private final long sizeBytes;
  private final Streams streams;
  private final Object state = new Object();

  private @Nullable Handles handles;
  private long lastUseNanos;
  private boolean isClosed;
  private volatile boolean isStale;

  /** What the store gave: one of the two is set. */
  private static final class Handles {
    private final @Nullable SealedBlob sealed;
    private final @Nullable Fill fill;

    /** Reads that work on it; guarded by {@code state}. */
    private int uses;

    Handles(@Nullable SealedBlob sealed, @Nullable Fill fill) {
      this.sealed = sealed;
      this.fill = fill;
    }

    void close() {
      if (sealed != null) {
        sealed.close();
      }
      if (fill != null) {
        fill.close();
      }
    }
  }

  LargeFile(NodeBlobs node, BlobKey key, long sizeBytes, Streams streams) {
    this.node = node;
    this.key = key;
    this.sizeBytes = sizeBytes;
    this.streams = streams;
    this.lastUseNanos = System.nanoTime();
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public int readNow(long offset, ByteBuffer target) {
    Handles now = use();
    if (now == null) {
      return -1;
    }
    int length = target.remaining();
    try {
      int got = readPresent(now, offset, target);
      if (got == length) {
        node.served(Source.LOCAL, length);
        return length;
      }
      return -1;
    } catch (LarderException e) {
      if (e.code() != ErrorCode.UNKNOWN_BLOB && e.code() != ErrorCode.CLOSED) {
        node.damaged(key, e);
      }
      // Dropped or closed under us: the read plane knows another way.
      isStale = true;
      return -1;
    } finally {
      endUse(now);
    }
  }

  private int readPresent(Handles now, long offset, ByteBuffer target) {
    SealedBlob sealed = now.sealed;
    if (sealed != null) {
      return sealed.read(offset, target);
    }
    Fill fill = now.fill;
    if (fill == null) {
      return -1;
    }
    long last = Blocks.blockAt(offset + target.remaining() - 1);
    for (long block = Blocks.blockAt(offset); block <= last; block++) {
      if (!fill.isPresent(block)) {
        return -1;
      }
    }
    return fill.read(offset, target);
  }

  @Override
  public void await(long offset, int length, Cancel cancel) {
    Streams.Stream stream = streams.take(cancel);
    boolean isGood = false;
    try {
      cancel.onCancel(stream.read()::close);
      Span unused = stream.read().next(offset, length);
      isGood = !cancel.isCancelled();
    } finally {
      cancel.onCancel(null);
      streams.giveBack(stream, isGood);
    }
  }

  @Override
  public int read(long offset, ByteBuffer target, Cancel cancel) {
    int length = target.remaining();
    int start = target.position();
    if (readNow(offset, target) == length) {
      return length;
    }
    target.position(start);
    Streams.Stream stream = streams.take(cancel);
    boolean isGood = false;
    try {
      cancel.onCancel(stream.read()::close);
      while (target.hasRemaining()) {
        long at = offset + target.position() - start;
        copy(stream.read().next(at, target.remaining()), target);
      }
      isGood = !cancel.isCancelled();
      return length;
    } catch (IOException e) {
      throw new LarderException(ErrorCode.STORE_IO, "reading " + key + " failed: " + e, e);
    } finally {
      cancel.onCancel(null);
      streams.giveBack(stream, isGood);
    }
  }

  private static void copy(Span span, ByteBuffer target) throws IOException {
    switch (span) {
      case MemorySpan memory -> target.put(memory.bytes().duplicate());
      case FileSpan file -> readFully(file, target);
    }
  }

  private static void readFully(FileSpan span, ByteBuffer target) throws IOException {
    int limit = target.limit();
    long at = span.position();
    target.limit(target.position() + (int) span.length());
    try {
      while (target.hasRemaining()) {
        int count = span.channel().read(target, at);
        if (count < 0) {
          throw new EOFException("the file ends at byte " + at);
        }
        at += count;
      }
    } finally {
      target.limit(limit);
    }
  }

  @Override
  public Optional<Path> sealedFile() {
    try (SealedBlob sealed = node.store().openSealed(key).orElse(null)) {
      return sealed == null ? Optional.empty() : Optional.of(sealed.path());
    } catch (LarderException e) {
      log.debug("no file to hand over key={} code={}", key, e.code());
      return Optional.empty();
    }
  }

  /** The blob was sealed or dropped: the next read looks again. */
  void changed() {
    isStale = true;
  }

  /** The blob's bytes were found wrong: no read that begins from now on sees them. */
  void foundWrong() {
    isStale = true;
    streams.drop();
  }

  /** Gives the store's handles back if nobody has read for so long. */
  void letGo(long nowNanos, long idleNanos) {
    Handles toClose = null;
    synchronized (state) {
      if (handles != null && handles.uses == 0 && nowNanos - lastUseNanos > idleNanos) {
        toClose = handles;
        handles = null;
      }
    }
    if (toClose != null) {
      toClose.close();
    }
    streams.letGo(nowNanos, idleNanos);
  }

  private @Nullable Handles use() {
    synchronized (state) {
      if (isClosed) {
        return null;
      }
      Handles now = handles;
      if (now != null && isStale) {
        if (now.uses == 0) {
          now.close();
        }
        now = null;
      }
      if (now == null) {
        // Before it looks: a change meanwhile has the next one look again.
        isStale = false;
        now = open();
        handles = now;
      }
      if (now != null) {
        now.uses++;
        lastUseNanos = System.nanoTime();
      }
      return now;
    }
  }

  private void endUse(Handles used) {
    boolean isLast;
    synchronized (state) {
      used.uses--;
      isLast = used.uses == 0 && handles != used;
    }
    if (isLast) {
      used.close();
    }
  }

  private @Nullable Handles open() {
    try {
      Optional<SealedBlob> sealed = node.store().openSealed(key);
      if (sealed.isPresent()) {
        return new Handles(sealed.get(), null);
      }
      return node.store().find(key).isPresent()
          ? new Handles(null, node.store().openFill(key, sizeBytes))
          : null;
    } catch (LarderException e) {
      log.debug("left to the read plane key={} code={}", key, e.code());
      return null;
    }
  }

  @Override
  public void close() {
    Handles toClose = null;
    synchronized (state) {
      if (isClosed) {
        return;
      }
      isClosed = true;
      if (handles != null && handles.uses == 0) {
        toClose = handles;
      }
      handles = null;
    }
    if (toClose != null) {
      toClose.close();
    }
    streams.close();
    node.closed(key, this);
  }
}
