package dev.larder.agent.fill;

import dev.larder.origin.Origin.OriginRead;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.Fill;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One run's way from the origin into the fill's file: read a piece, write it, say so, hash it. Runs
 * on a virtual thread of its own; {@link #watermark} and {@link #cancel} from any thread.
 */
final class RunTransfer implements Runnable {
  /*
   * A piece is written when its buffer is full, or earlier while a reader waits for it: at once when
   * nothing was handed out for a millisecond, else from 64 KiB on. So the first byte goes out as soon
   * as it came, and a fast origin costs one write for 256 KiB. Bytes that came before the reader did,
   * with the origin silent since, are written by the reader itself (flushHeld): `flushLock` guards
   * buffer and `flushed`; only this run's thread fills the buffer, behind `received`.
   */
  private static final int EARLY_BYTES = 64 << 10;
  private static final long EARLY_NANOS = 1_000_000;

  private final BlobFill blob;
  private final FillEngine engine;
  private final BlockRun run;
  private final FillSource source;
  private final Fill fill;
  private final StripeShare share;
  private final Begun begun;
  private final List<CompletableFuture<Digest>> digests = new ArrayList<>();
  private volatile long watermark;
  private volatile boolean isCancelled;
  private volatile @Nullable Thread thread;

  private final ReentrantLock flushLock = new ReentrantLock();
  private @Nullable ByteBuffer buffer;
  private long pieceOffset;
  private @Nullable BlockHasher hasher;
  private int flushed;

  /** Bytes of the buffer that came. */
  private volatile int received;

  private volatile long position;
  private volatile long flushedAtNanos;

  /** Bit n: block n of the stripe came from another member. */
  private volatile long fromPeers;

  /**
   * What stood when a run started.
   *
   * @param moment of {@link FailureLog}
   * @param drops how often the flight had made room
   * @param wantedBytes that readers of the blob lack beyond this run
   */
  record Begun(long moment, long drops, long wantedBytes) {}

  RunTransfer(
      BlobFill blob,
      FillEngine engine,
      BlockRun run,
      FillSource source,
      Fill fill,
      StripeShare share,
      Begun begun) {
    this.begun = begun;
    this.blob = blob;
    this.engine = engine;
    this.run = run;
    this.source = source;
    this.fill = fill;
    this.share = share;
    this.watermark = run.offsetBytes();
    this.position = run.offsetBytes();
  }

  BlockRun blockRun() {
    return run;
  }

  /** How often the flight had made room when this run started. */
  long dropsBefore() {
    return begun.drops();
  }

  /** When it started, for {@link FailureLog}. */
  long begun() {
    return begun.moment();
  }

  StripeShare share() {
    return share;
  }

  /** Whether a block came from another member, as far as the run has come. */
  boolean isFromPeer(long block) {
    return (fromPeers >>> (block % Blocks.STRIPE_BLOCKS) & 1) != 0;
  }

  /** End of the bytes in the file from an offset on that came from the same source. */
  long sameSourceEnd(long offset) {
    long end = watermark;
    long block = Blocks.blockAt(offset);
    boolean isPeer = isFromPeer(block);
    long same = block + 1;
    while (Blocks.blockOffset(same) < end && isFromPeer(same) == isPeer) {
      same++;
    }
    return Math.min(end, Blocks.blockOffset(same));
  }

  /** First byte of the run that is not in the file yet. */
  long watermark() {
    return watermark;
  }

  /** Ends the run soon; the whole blocks it brought in stay. */
  void cancel() {
    isCancelled = true;
    Thread running = thread;
    if (running != null) {
      running.interrupt();
    }
  }

  @Override
  public void run() {
    thread = Thread.currentThread();
    LarderException failure = null;
    try {
      checkWanted();
      fetch();
    } catch (LarderException e) {
      failure = e;
    } catch (RuntimeException | Error e) {
      failure = new LarderException(ErrorCode.INTERNAL, "fetching " + run + " failed: " + e, e);
    } finally {
      thread = null;
      // A cancel that came late must not disturb what follows on this thread.
      Thread.interrupted();
      releaseBuffer();
    }
    List<Digest> hashed = List.of();
    try {
      hashed = hashedBlocks();
    } catch (RuntimeException e) {
      failure = failure == null ? Faults.of(e) : failure;
    }
    blob.runEnded(this, hashed, isCancelled && failure != null ? cancelled(failure) : failure);
  }

  private static LarderException cancelled(LarderException cause) {
    return new LarderException(ErrorCode.CANCELLED, "nobody wants the run any more", cause);
  }

  private void fetch() {
    reserve();
    fill.prepare(begun.wantedBytes());
    Parents parents =
        new Parents(share, blob.beliefs().proof()::holder, !blob.beliefs().trustsHearsay());
    while (position < run.endBytes()) {
      String parent = parents.next();
      if (parent == null) {
        fetchFromOrigin();
      } else {
        parents.ended(new PeerFetch(this, blob, engine, fill, parent).fetch(position));
      }
      checkWanted();
    }
  }

  /** Once more where the store is full of what other flights still have open. */
  private void reserve() {
    try {
      fill.reserve(run.offsetBytes(), run.lengthBytes());
    } catch (LarderException e) {
      if (e.code() != ErrorCode.STORE_FULL) {
        throw e;
      }
      engine.endIdleFlights();
      checkWanted();
      fill.reserve(run.offsetBytes(), run.lengthBytes());
    }
  }

  /** A block came from another member and is what it must be. */
  void verified(long block, Digest digest) {
    digests.add(CompletableFuture.completedFuture(digest));
    fromPeers |= 1L << (block % Blocks.STRIPE_BLOCKS);
    position = Math.min(Blocks.blockOffset(block + 1), run.endBytes());
    watermark = position;
  }

  void checkWanted() {
    if (isCancelled) {
      throw new LarderException(ErrorCode.CANCELLED, "nobody wants the run any more");
    }
  }

  private void fetchFromOrigin() {
    flushedAtNanos = System.nanoTime() - EARLY_NANOS;
    try (OriginRead in =
        source.origin().open(source.object(), position, run.endBytes() - position)) {
      in.checksum().filter(any -> isWhole()).ifPresent(blob::checksumKnown);
      while (position < run.endBytes()) {
        receive(in);
      }
    } catch (LarderException e) {
      engine.counters().requestEnded(source, e);
      throw e;
    }
    engine.counters().requestEnded(source, null);
  }

  private boolean isWhole() {
    return run.offsetBytes() == 0 && run.lengthBytes() == source.sizeBytes();
  }

  private void receive(OriginRead in) {
    ByteBuffer piece = buffer();
    int count = in.read(piece);
    if (count < 0) {
      throw new LarderException(
          ErrorCode.ORIGIN_UNAVAILABLE,
          source.object().uri() + " ended at byte " + position + " of " + run.endBytes());
    }
    engine.counters().bytesCame(source, count);
    position += count;
    received = piece.position();
    boolean isDue =
        received - flushed >= EARLY_BYTES || System.nanoTime() - flushedAtNanos >= EARLY_NANOS;
    if (!piece.hasRemaining() || (isDue && blob.isAwaited())) {
      flushHeld();
      blob.signalProgress();
      renewLease();
    }
    if (!piece.hasRemaining()) {
      hash(piece);
    }
    checkWanted();
  }

  /** Limited so that a piece never reaches over the run's end; pieces never cross blocks. */
  private ByteBuffer buffer() {
    ByteBuffer piece = buffer;
    if (piece == null) {
      piece = engine.buffers().acquire();
      piece.limit((int) Math.min(piece.capacity(), run.endBytes() - position));
      takeBuffer(piece);
    }
    return piece;
  }

  /** Writes what came and was not written yet; from any thread. */
  void flushHeld() {
    flushLock.lock();
    try {
      ByteBuffer piece = buffer;
      int end = received;
      if (piece != null && end > flushed) {
        blob.writing().lock();
        try {
          fill.write(pieceOffset + flushed, piece.slice(flushed, end - flushed));
        } finally {
          blob.writing().unlock();
        }
        flushed = end;
        flushedAtNanos = System.nanoTime();
        watermark = pieceOffset + end;
      }
    } finally {
      flushLock.unlock();
    }
  }

  private void renewLease() {
    if (!share.progress()) {
      throw new LarderException(ErrorCode.CANCELLED, "the lease went to another member");
    }
  }

  private void takeBuffer(@Nullable ByteBuffer next) {
    flushLock.lock();
    try {
      buffer = next;
      flushed = 0;
      received = 0;
      pieceOffset = position;
    } finally {
      flushLock.unlock();
    }
  }

  private void hash(ByteBuffer piece) {
    BlockHasher current = hasher;
    if (current == null) {
      current = new BlockHasher(engine.hashThreads(), engine.buffers());
      digests.add(current.digest());
      int place = (int) (Blocks.blockAt(pieceOffset) % Blocks.STRIPE_BLOCKS);
      current.digest().thenAccept(digest -> share.came(place, digest));
    }
    boolean isLast = position % Blocks.BLOCK_BYTES == 0 || position == source.sizeBytes();
    hasher = isLast ? null : current;
    takeBuffer(null);
    current.add(piece.flip(), isLast);
  }

  private void releaseBuffer() {
    ByteBuffer piece = buffer;
    if (piece != null) {
      takeBuffer(null);
      engine.buffers().release(piece);
    }
  }

  /** Digests of the whole blocks from the run's start on; waits for the hashing. */
  private List<Digest> hashedBlocks() {
    if (hasher != null) {
      digests.removeLast();
    }
    return digests.stream().map(CompletableFuture::join).toList();
  }
}
