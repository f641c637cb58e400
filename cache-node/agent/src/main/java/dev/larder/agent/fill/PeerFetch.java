package dev.larder.agent.fill;

import dev.larder.agent.fill.Members.MemberRead;
import dev.larder.agent.fill.StripeShare.ParentFault;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore.Fill;
import java.nio.ByteBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bytes of a run from another member. Nothing of a block is shown to anybody before the whole block
 * was found to be what its digest promises.
 */
final class PeerFetch {
  /*
   * The run's thread receives, writes and gives pieces to be hashed; a second thread takes the blocks
   * in order, waits for their hash and for the digest they must have, and says so to the run. So a
   * block goes out as soon as both are there, though the next one is still to come.
   *
   * Only the checking thread calls run.verified(), and the receiving one looks at what it did only
   * after it has ended.
   */
  private static final Logger log = LoggerFactory.getLogger(PeerFetch.class);

  /** Blocks received and not yet checked; their bytes are in the file, not in memory. */
  private static final int UNCHECKED_MAX = 8;

  private final RunTransfer run;
  private final BlobFill blob;
  private final FillEngine engine;
  private final Fill fill;
  private final String member;
  private final boolean isFar;
  private final ArrayBlockingQueue<Arrived> arrived = new ArrayBlockingQueue<>(UNCHECKED_MAX);
  private volatile @Nullable ParentFault fault;
  private volatile @Nullable MemberRead open;
  private volatile boolean isOver;
  private BlockDigests proved = BlockDigests.NONE;
  private long windowNanos;
  private long windowBytes;
  private int crawled;

  /** A block whose bytes are in the file, and its hash; block -1 ends. */
  private record Arrived(long block, CompletableFuture<Digest> digest) {}

  private static final Arrived END = new Arrived(-1, new CompletableFuture<>());

  PeerFetch(RunTransfer run, BlobFill blob, FillEngine engine, Fill fill, String member) {
    this.run = run;
    this.blob = blob;
    this.engine = engine;
    this.fill = fill;
    this.member = member;
    this.isFar = engine.members().isFar(member);
  }

  /**
   * Fetches from a block's start to the run's end; the run's watermark says how far it came.
   *
   * @return what the member did wrong, null for nothing
   * @throws LarderException CANCELLED; STORE_* when the store takes no bytes
   */
  @Nullable ParentFault fetch(long from) {
    engine.counters().peerRequests.increment();
    RootProof.Proved told = blob.beliefs().proof().blocks(member, run.blockRun().stripe());
    if (told.isWrong()) {
      return failed(ParentFault.WRONG, "digests that do not hash to the recorded root");
    }
    proved = told.digests();
    CompletableFuture<Void> checked = new CompletableFuture<>();
    Thread checker =
        Thread.ofVirtual()
            .name("check-", 0)
            .start(() -> {
              try {
                check();
                checked.complete(null);
              } catch (RuntimeException | Error e) {
                checked.completeExceptionally(e);
              } finally {
                isOver = true;
                stopReceiving();
              }
            });
    ParentFault received;
    boolean isThrown = true;
    try {
      received = receive(from);
      put(END);
      isThrown = false;
    } finally {
      if (isThrown) {
        checker.interrupt();
      }
      join(checker);
    }
    throwIfFailed(checked);
    ParentFault found = fault;
    return found != null ? found : received;
  }

  private @Nullable ParentFault receive(long from) {
    try (MemberRead in =
        engine.members().open(member, fill.key(), from, run.blockRun().endBytes() - from)) {
      open = in;
      windowNanos = engine.nanoTime();
      for (long at = from; at < run.blockRun().endBytes() && !isOver; ) {
        long block = Blocks.blockAt(at);
        int length = Blocks.blockLength(fill.sizeBytes(), block);
        ParentFault found = receiveBlock(in, at, length);
        if (found != null) {
          return found;
        }
        at += length;
      }
      noteRate();
      return null;
    } catch (LarderException e) {
      if (isOver && fault != null) {
        return null;
      }
      return switch (e.code()) {
        case UNKNOWN_BLOB, TOO_MANY -> failed(ParentFault.ENDED, e.toString());
        case DEADLINE -> failed(ParentFault.SILENT, e.toString());
        case AGENT_UNAVAILABLE -> failed(ParentFault.GONE, e.toString());
        case BAD_RANGE -> failed(ParentFault.WRONG, e.toString());
        default -> throw e;
      };
    } finally {
      open = null;
    }
  }

  /** What the member did before the block was whole; null when it is. */
  private @Nullable ParentFault receiveBlock(MemberRead in, long offset, int length) {
    BlockHasher hasher = new BlockHasher(engine.hashThreads(), engine.buffers());
    int done = 0;
    while (done < length) {
      ByteBuffer piece = engine.buffers().acquire();
      boolean isGiven = false;
      try {
        piece.limit(Math.min(piece.capacity(), length - done));
        while (piece.hasRemaining()) {
          int count = in.read(piece);
          if (count < 0) {
            return in.isMoreToCome()
                ? ParentFault.WAITS
                : failed(ParentFault.ENDED, "no more of it");
          }
          engine.counters().peerBytesCame(isFar, count);
          windowBytes += count;
          run.checkWanted();
          ParentFault slow = slowness();
          if (slow != null) {
            return failed(slow, blob.rates().comparison(member, engine.nanoTime()));
          }
        }
        piece.flip();
        write(offset + done, piece.slice());
        done += piece.remaining();
        isGiven = true;
        hasher.add(piece, done == length);
      } finally {
        if (!isGiven) {
          engine.buffers().release(piece);
        }
      }
    }
    put(new Arrived(Blocks.blockAt(offset), hasher.digest()));
    return null;
  }

  /**
   * Null while the member keeps up with others; and once it is known to be slow: whoever asks is
   * sent elsewhere then, so it has fewer to serve, or is the only one there is.
   */
  private @Nullable ParentFault slowness() {
    if (engine.nanoTime() - windowNanos < ParentRates.WINDOW_NANOS) {
      return null;
    }
    noteRate();
    long now = engine.nanoTime();
    crawled = blob.rates().isCrawling(member, now) ? crawled + 1 : 0;
    if (crawled == ParentRates.CRAWLING_WINDOWS_MAX) {
      return ParentFault.CRAWLS;
    }
    return !run.share().isSlow(member) && blob.rates().isSlow(member, now)
        ? ParentFault.SLOW
        : null;
  }

  private void noteRate() {
    long now = engine.nanoTime();
    blob.rates().note(member, windowBytes, now - windowNanos, now);
    windowNanos = now;
    windowBytes = 0;
  }

  private void write(long offset, ByteBuffer bytes) {
    blob.writing().lock();
    try {
      fill.write(offset, bytes);
    } finally {
      blob.writing().unlock();
    }
  }

  /** Waits for room; a checker that has ended makes it pointless. */
  private void put(Arrived block) {
    try {
      while (!isOver && !arrived.offer(block, 100, TimeUnit.MILLISECONDS)) {
        run.checkWanted();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while checking blocks", e);
    }
  }

  private void check() {
    try {
      for (Arrived next = arrived.take(); next != END; next = arrived.take()) {
        Digest digest = next.digest.join();
        int place = (int) (next.block % Blocks.STRIPE_BLOCKS);
        Digest expected = proved.get(place);
        if (expected == null && blob.beliefs().trustsHearsay()) {
          expected = run.share().awaitDigest(place);
        }
        if (expected == null) {
          // Sealed meanwhile, perhaps: then its root is recorded and vouches for it.
          RootProof.Proved told = blob.beliefs().proof().blocks(member, run.blockRun().stripe());
          proved = told.digests();
          expected = proved.get(place);
        }
        if (expected == null) {
          fault = failed(ParentFault.UNVOUCHED, "nobody vouches for block " + next.block);
          return;
        }
        if (!expected.equals(digest)) {
          fault = failed(ParentFault.WRONG, "wrong block " + next.block);
          return;
        }
        if (proved.get(place) == null) {
          blob.beliefs().hearsay().took(next.block, member, digest);
        }
        run.verified(next.block, digest);
        run.share().came(place, digest);
        blob.signalProgress();
      }
    } catch (InterruptedException e) {
      log.debug("checking ended: nobody wants the run key={}", fill.key());
    }
  }

  private void stopReceiving() {
    MemberRead in = open;
    if (in != null) {
      in.close();
    }
  }

  private ParentFault failed(ParentFault what, String why) {
    engine.counters().peerFaults.increment();
    if (what == ParentFault.WRONG) {
      engine.counters().peerWasWrong();
      log.warn("member sent wrong bytes member={} key={}: {}", member, fill.key(), why);
    } else {
      log.info("left a parent member={} key={} fault={}: {}", member, fill.key(), what, why);
    }
    return what;
  }

  private static void join(Thread checker) {
    boolean isInterrupted = false;
    while (true) {
      try {
        checker.join();
        break;
      } catch (InterruptedException e) {
        isInterrupted = true;
        checker.interrupt();
      }
    }
    if (isInterrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void throwIfFailed(CompletableFuture<Void> checked) {
    try {
      checked.join();
    } catch (CompletionException e) {
      throw Faults.of(e);
    }
  }
}
