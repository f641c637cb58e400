package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.index.StripeRecord;
import dev.larder.store.posix.PosixException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/** One caller's share of a blob being filled. */
final class FillHandle implements BlobStore.Fill {
  /** How often a full volume is answered by evicting and trying again. */
  private static final int FULL_RETRIES = 4;

  private final StoreParts parts;
  private final StoreWork work;
  private final OpenBlob blob;
  private final AtomicBoolean closed = new AtomicBoolean();

  FillHandle(StoreParts parts, StoreWork work, OpenBlob blob) {
    this.parts = parts;
    this.work = work;
    this.blob = blob;
  }

  @Override
  public BlobKey key() {
    return blob.key;
  }

  @Override
  public long sizeBytes() {
    return blob.sizeBytes;
  }

  @Override
  public boolean isSealed() {
    return blob.isSealed();
  }

  @Override
  public boolean isPresent(long block) {
    checkBlocks(block, 1);
    return blob.isPresent(block);
  }

  @Override
  public boolean isComplete() {
    return blob.isComplete();
  }

  @Override
  public void reserve(long offset, long length) {
    requireOpen();
    checkRange(offset, length);
    if (length == 0 || blob.isSealed()) {
      return;
    }
    long first = Blocks.blockAt(offset);
    long last = Blocks.blockAt(offset + length - 1);
    for (long block = first; block <= last; ) {
      int stripe = Blocks.stripeOfBlock(block);
      long end = Math.min(last + 1, (stripe + 1L) * Blocks.STRIPE_BLOCKS);
      int skip = (int) (block % Blocks.STRIPE_BLOCKS);
      reserve(stripe, StripeRecord.mask((int) (end - block)) << skip);
      block = end;
    }
  }

  private void reserve(int stripe, long wanted) {
    long bytes =
        blob.bytes(stripe, wanted & ~blob.present.get(stripe) & ~blob.reserved.get(stripe));
    if (bytes == 0) {
      return;
    }
    work.evictor().reserve(bytes);
    long fresh;
    blob.state.lock();
    try {
      fresh = wanted & ~blob.present.get(stripe) & ~blob.reserved.get(stripe);
      if (blob.isGone()) {
        fresh = 0;
      }
      blob.reserved.set(stripe, blob.reserved.get(stripe) | fresh);
    } finally {
      blob.state.unlock();
    }
    parts.space().release(bytes - blob.bytes(stripe, fresh));
    allocate(stripe, fresh);
  }

  @Override
  public void prepare(long bytes) {
    requireOpen();
    work.evictor().prepare(bytes);
  }

  /**
   * Takes the room on disk. Others may fill the volume at any time, so the charge proves nothing.
   */
  private void allocate(int stripe, long bitmap) {
    if (bitmap == 0) {
      return;
    }
    for (int attempt = 0; ; attempt++) {
      try {
        blob.withFile(file -> {
          long offset =
              stripe * Blocks.STRIPE_BYTES + Blocks.blockOffset(Long.numberOfTrailingZeros(bitmap));
          long end =
              stripe * Blocks.STRIPE_BYTES
                  + Blocks.blockOffset(Long.SIZE - Long.numberOfLeadingZeros(bitmap));
          return file.reserve(offset, Math.min(end, blob.sizeBytes) - offset);
        });
        return;
      } catch (IOException e) {
        boolean full = e instanceof PosixException posix && posix.isNoSpace();
        if (!full
            || attempt == FULL_RETRIES
            || !work.evictor().evictBytes(blob.bytes(stripe, bitmap))) {
          giveBack(stripe, bitmap);
          throw Faults.of(e);
        }
      }
    }
  }

  private void giveBack(int stripe, long bitmap) {
    blob.state.lock();
    try {
      long unused = blob.reserved.get(stripe) & bitmap;
      blob.reserved.set(stripe, blob.reserved.get(stripe) & ~unused);
      parts.space().release(blob.bytes(stripe, unused));
    } finally {
      blob.state.unlock();
    }
  }

  @Override
  public void write(long offset, ByteBuffer bytes) {
    requireOpen();
    checkRange(offset, bytes.remaining());
    if (blob.isGone()) {
      throw Faults.gone();
    }
    reserve(offset, bytes.remaining());
    long at = offset;
    while (bytes.hasRemaining()) {
      long block = Blocks.blockAt(at);
      int count = (int) Math.min(bytes.remaining(), Blocks.blockOffset(block + 1) - at);
      ByteBuffer part = bytes.slice(bytes.position(), count);
      if (!blob.isPresent(block)) {
        writePart(at, part);
      }
      bytes.position(bytes.position() + count);
      at += count;
    }
  }

  private void writePart(long offset, ByteBuffer part) {
    try {
      if (part.isDirect()) {
        writeDirect(offset, part);
      } else {
        try (BufferPool.Lease lease = parts.buffers().take()) {
          writeDirect(offset, lease.buffer().put(part).flip());
        }
      }
    } catch (IOException e) {
      parts.counters().increment(Counters.Counter.IO_ERRORS_TOTAL);
      throw Faults.of(e);
    }
  }

  private void writeDirect(long offset, ByteBuffer bytes) throws IOException {
    blob.withFile(file -> {
      file.write(offset, bytes);
      return true;
    });
  }

  @Override
  public CompletableFuture<Void> complete(long firstBlock, List<Digest> digests) {
    requireOpen();
    checkBlocks(firstBlock, digests.size());
    if (blob.isGone()) {
      return CompletableFuture.failedFuture(Faults.gone());
    }
    if (digests.isEmpty() || blob.isSealed()) {
      return CompletableFuture.completedFuture(null);
    }
    work.open().retain(blob);
    CompletableFuture<Void> done;
    try {
      done = work.committer().add(blob, firstBlock, digests);
    } catch (RuntimeException e) {
      work.open().release(blob);
      throw e;
    }
    return done.whenComplete((ignored, fault) -> work.open().release(blob));
  }

  @Override
  public int read(long offset, ByteBuffer target) {
    requireOpen();
    return work.reader().read(blob, offset, target);
  }

  @Override
  public void verify(long offset, long length) {
    requireOpen();
    work.reader().verify(blob, offset, length);
  }

  @Override
  public boolean drop(int stripe) {
    requireOpen();
    return work.dropStripe(blob, stripe);
  }

  @Override
  public FileChannel channel() {
    requireOpen();
    try {
      return blob.channel();
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }

  @Override
  public Optional<Digest> stripeDigest(int stripe) {
    requireOpen();
    int count = Blocks.blocksInStripe(blob.sizeBytes, stripe);
    StripeRecord record = parts.index().stripe(blob.key, stripe);
    return blob.isGone() || !record.isComplete(count)
        ? Optional.empty()
        : Optional.of(Digests.stripe(record.digests(count)));
  }

  @Override
  public BlobStore.SealedInfo seal(
      Trust atLeast, Optional<Digest> expectedRoot, Optional<ContentChecksum> checksum) {
    requireOpen();
    work.committer().drain(blob);
    return work.sealer().seal(blob, atLeast, expectedRoot, checksum);
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      work.open().release(blob);
    }
  }

  private void requireOpen() {
    if (closed.get() || work.open().isShut()) {
      throw Faults.closed();
    }
  }

  private void checkRange(long offset, long length) {
    if (offset < 0 || length < 0 || offset > blob.sizeBytes - length) {
      throw new LarderException(
          ErrorCode.BAD_RANGE,
          "range " + offset + "+" + length + " is outside of a blob of " + blob.sizeBytes);
    }
  }

  private void checkBlocks(long first, int count) {
    if (first < 0 || first + count > Blocks.blockCount(blob.sizeBytes)) {
      throw new LarderException(
          ErrorCode.BAD_RANGE,
          "blocks " + first + "+" + count + " are outside of a blob of " + blob.sizeBytes);
    }
  }
}
