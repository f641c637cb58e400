package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.index.StripeRecord;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * A blob's file while somebody has it open (or had it a moment ago), shared by all its handles,
 * from fill to sealed. Bit i of a stripe's long stands for block i of the stripe.
 *
 * <p><b>Locks:</b> {@code sealing} before {@code state}; {@code descriptor} last. Writers of the
 * bits and of {@code record} hold {@code state}; readers need no lock.
 */
final class OpenBlob {
  final BlobKey key;
  final long sizeBytes;

  /** One thread seals; the others wait and find it done. */
  final ReentrantLock sealing = new ReentrantLock();

  final ReentrantLock state = new ReentrantLock();

  /** Blocks that are hashed, on stable storage and in the index. */
  final AtomicLongArray present;

  /** Blocks with room on disk, charged to the budget, and not present. */
  final AtomicLongArray reserved;

  /** Blocks read back and found right since this object was made. */
  final AtomicLongArray verified;

  /** For {@code sha256:} keys. */
  final @Nullable PrefixHash prefix;

  /** Handles and queued commits; guarded by the key's lock. */
  int references;

  /** Chosen while idle to make room for another file; guarded by {@link OpenBlobs}. */
  boolean closing;

  private final ReentrantReadWriteLock descriptor = new ReentrantReadWriteLock();
  private volatile BlobRecord record;
  private volatile Path path;
  private volatile boolean gone;
  private @Nullable PosixFile file;
  private @Nullable FileChannel channel;

  OpenBlob(BlobKey key, BlobRecord record, Path path, PosixFile file, BufferPool buffers) {
    this.key = key;
    this.sizeBytes = record.sizeBytes();
    this.record = record;
    this.path = path;
    this.file = file;
    boolean hashes = key.kind() == BlobKey.Kind.SHA256 && !record.isSealed();
    this.prefix = hashes ? new PrefixHash(this, buffers) : null;
    int stripes = Blocks.stripeCount(sizeBytes);
    this.present = new AtomicLongArray(stripes);
    this.reserved = new AtomicLongArray(stripes);
    this.verified = new AtomicLongArray(stripes);
  }

  BlobRecord record() {
    return record;
  }

  void record(BlobRecord changed) {
    record = changed;
  }

  Path path() {
    return path;
  }

  void path(Path moved) {
    path = moved;
  }

  /** Whether the blob was dropped or set aside while open: nothing of it may be used. */
  boolean isGone() {
    return gone;
  }

  void markGone() {
    gone = true;
    for (int stripe = 0; stripe < present.length(); stripe++) {
      present.set(stripe, 0);
      verified.set(stripe, 0);
    }
  }

  /** Some present block is about to go: what was hashed ahead no longer stands for the file. */
  void forgetPrefix() {
    if (prefix != null) {
      prefix.invalidate();
    }
  }

  boolean isSealed() {
    return !gone && record.isSealed();
  }

  boolean isPresent(long block) {
    return !gone && (record.isSealed() || bit(present, block));
  }

  boolean isComplete() {
    return !gone && (record.isSealed() || firstMissing() < 0);
  }

  /** The first block that is not present, or -1. */
  long firstMissing() {
    for (int stripe = 0; stripe < present.length(); stripe++) {
      long wanted = StripeRecord.mask(Blocks.blocksInStripe(sizeBytes, stripe));
      long missing = wanted & ~present.get(stripe);
      if (missing != 0) {
        return (long) stripe * Blocks.STRIPE_BLOCKS + Long.numberOfTrailingZeros(missing);
      }
    }
    return -1;
  }

  static boolean bit(AtomicLongArray bits, long block) {
    return (bits.get(Blocks.stripeOfBlock(block)) & mask(block)) != 0;
  }

  static void set(AtomicLongArray bits, long block) {
    bits.getAndUpdate(Blocks.stripeOfBlock(block), word -> word | mask(block));
  }

  static void clear(AtomicLongArray bits, long block) {
    bits.getAndUpdate(Blocks.stripeOfBlock(block), word -> word & ~mask(block));
  }

  private static long mask(long block) {
    return 1L << (block % Blocks.STRIPE_BLOCKS);
  }

  int length(long block) {
    return Blocks.blockLength(sizeBytes, block);
  }

  /** Bytes of the blocks of a stripe that a bitmap names. */
  long bytes(int stripe, long bitmap) {
    return bytes(sizeBytes, stripe, bitmap);
  }

  static long bytes(long sizeBytes, int stripe, long bitmap) {
    long total = 0;
    for (long rest = bitmap; rest != 0; rest &= rest - 1) {
      long block = (long) stripe * Blocks.STRIPE_BLOCKS + Long.numberOfTrailingZeros(rest);
      total += Blocks.blockLength(sizeBytes, block);
    }
    return total;
  }

  /** Work on the descriptor, which stays open meanwhile. */
  interface FileWork<T extends @Nullable Object> {
    T run(PosixFile file) throws IOException;
  }

  /** Runs work on the descriptor; CLOSED if it was given back. */
  <T extends @Nullable Object> T withFile(FileWork<T> work) throws IOException {
    descriptor.readLock().lock();
    try {
      if (file == null) {
        throw Faults.closed();
      }
      return work.run(file);
    } finally {
      descriptor.readLock().unlock();
    }
  }

  /**
   * A channel on the same file for sendfile; opened on first use, again if an interrupt closed it.
   */
  FileChannel channel() throws IOException {
    state.lock();
    descriptor.writeLock().lock();
    try {
      if (file == null) {
        throw Faults.closed();
      }
      if (channel == null || !channel.isOpen()) {
        channel = FileChannel.open(path, StandardOpenOption.READ);
      }
      return channel;
    } finally {
      descriptor.writeLock().unlock();
      state.unlock();
    }
  }

  /** Closes descriptors, waiting for work on them; idempotent. */
  void closeFiles() {
    descriptor.writeLock().lock();
    try {
      if (file != null) {
        file.close();
        file = null;
      }
      if (channel != null) {
        channel.close();
        channel = null;
      }
    } catch (IOException e) {
      throw Faults.of(e);
    } finally {
      descriptor.writeLock().unlock();
    }
  }
}
