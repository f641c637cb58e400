package dev.larder.store;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.Counters.Counter;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.index.StripeRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * Checked reading of files. A block's first read hashes all of it and hands out the very bytes that
 * were hashed; later reads of the block, while its file stays open or parked, are plain.
 *
 * <p>Any thread.
 */
final class BlockReader {
  private final StoreParts parts;
  private final Removal removal;

  BlockReader(StoreParts parts, Removal removal) {
    this.parts = parts;
    this.removal = removal;
  }

  /** Reads checked bytes; their number, fewer than remaining at the end of the blob. */
  int read(OpenBlob blob, long offset, ByteBuffer target) {
    checkOffset(offset);
    int wanted = (int) Math.min(target.remaining(), Math.max(0, blob.sizeBytes - offset));
    int done = 0;
    while (done < wanted) {
      long at = offset + done;
      long block = Blocks.blockAt(at);
      int skip = (int) (at - Blocks.blockOffset(block));
      int count = Math.min(wanted - done, blob.length(block) - skip);
      requirePresent(blob, block);
      if (OpenBlob.bit(blob.verified, block)) {
        readPlain(blob, at, target.slice(target.position() + done, count));
      } else {
        check(blob, block, skip, target.slice(target.position() + done, count));
      }
      done += count;
    }
    target.position(target.position() + done);
    used(blob, offset);
    return done;
  }

  /** Hashes what was not yet hashed of the blocks that touch a range. */
  void verify(OpenBlob blob, long offset, long length) {
    checkOffset(offset);
    if (length < 0 || offset > blob.sizeBytes - length) {
      throw new LarderException(
          ErrorCode.BAD_RANGE,
          "range " + offset + "+" + length + " is outside of a blob of " + blob.sizeBytes);
    }
    if (length == 0) {
      return;
    }
    long last = Blocks.blockAt(offset + length - 1);
    for (long block = Blocks.blockAt(offset); block <= last; block++) {
      requirePresent(blob, block);
      if (!OpenBlob.bit(blob.verified, block)) {
        check(blob, block, 0, ByteBuffer.allocate(0));
      }
    }
    used(blob, offset);
  }

  private void used(OpenBlob blob, long offset) {
    parts
        .order()
        .used(
            blob.isSealed()
                ? UnitId.whole(blob.key)
                : new UnitId(blob.key, (int) (offset / Blocks.STRIPE_BYTES)));
  }

  private static void requirePresent(OpenBlob blob, long block) {
    if (!blob.isPresent(block)) {
      throw new LarderException(
          ErrorCode.UNKNOWN_BLOB, "block " + block + " of " + blob.key + " is not present");
    }
  }

  /** Hashes a block and copies the wanted part of what was hashed. */
  private void check(OpenBlob blob, long block, int skip, ByteBuffer target) {
    Optional<Digest> expected =
        parts
            .index()
            .stripe(blob.key, Blocks.stripeOfBlock(block))
            .digest((int) (block % Blocks.STRIPE_BLOCKS));
    requirePresent(blob, block);
    boolean right = false;
    try (BufferPool.Lease lease = parts.buffers().take()) {
      ByteBuffer bytes = lease.buffer().limit(blob.length(block));
      try {
        blob.withFile(file -> file.read(Blocks.blockOffset(block), bytes));
        right =
            expected.isPresent()
                && !bytes.hasRemaining()
                && Digests.ofBytes(bytes.flip()).equals(expected.get());
      } catch (IOException e) {
        parts.counters().increment(Counter.IO_ERRORS_TOTAL);
        if (!Faults.isUnreadable(e)) {
          throw Faults.of(e);
        }
      }
      if (right) {
        parts.counters().add(Counter.VERIFIED_BYTES_TOTAL, bytes.limit());
        OpenBlob.set(blob.verified, block);
        target.put(bytes.slice(skip, target.remaining()));
      }
    }
    if (!right) {
      throw corrupt(blob, block);
    }
  }

  private LarderException corrupt(OpenBlob blob, long block) {
    String what = "block " + block + " of " + blob.key + " fails its check and was dropped";
    parts.counters().increment(Counter.CORRUPT_BLOCKS_TOTAL);
    if (blob.isSealed()) {
      try (KeyLocks.Held held = parts.locks().lock(blob.key)) {
        if (!blob.isGone()) {
          parts.counters().increment(Counter.CORRUPT_BLOBS_TOTAL);
          removal.setAside(blob.key, blob.record(), what);
        }
      }
    } else {
      dropBlock(blob, block);
    }
    return new LarderException(ErrorCode.STORE_CORRUPT, what);
  }

  private void dropBlock(OpenBlob blob, long block) {
    int stripe = Blocks.stripeOfBlock(block);
    blob.state.lock();
    try {
      if (blob.isGone() || blob.isSealed() || !OpenBlob.bit(blob.present, block)) {
        return;
      }
      blob.forgetPrefix();
      StripeRecord rest =
          parts.index().stripe(blob.key, stripe).without((int) (block % Blocks.STRIPE_BLOCKS));
      BlobRecord before = blob.record();
      BlobRecord after = before.withPresent(before.presentBytes() - blob.length(block));
      parts
          .index()
          .change(
              false,
              change -> {
                change.putStripe(blob.key, stripe, rest);
                change.putBlob(blob.key, before, after);
                // Its room stays taken until the fill is closed or the block is fetched again.
                change.unreserve(-blob.length(block));
              });
      blob.record(after);
      OpenBlob.clear(blob.present, block);
      OpenBlob.set(blob.reserved, block);
    } finally {
      blob.state.unlock();
    }
  }

  private void readPlain(OpenBlob blob, long offset, ByteBuffer target) {
    try {
      if (target.isDirect()) {
        blob.withFile(file -> file.read(offset, target));
      } else {
        try (BufferPool.Lease lease = parts.buffers().take()) {
          ByteBuffer bytes = lease.buffer().limit(target.remaining());
          blob.withFile(file -> file.read(offset, bytes));
          target.put(bytes.flip());
        }
      }
    } catch (IOException e) {
      parts.counters().increment(Counter.IO_ERRORS_TOTAL);
      throw Faults.of(e);
    }
    if (target.hasRemaining()) {
      throw corrupt(blob, Blocks.blockAt(offset));
    }
  }

  private static void checkOffset(long offset) {
    if (offset < 0) {
      throw new LarderException(ErrorCode.BAD_RANGE, "negative offset " + offset);
    }
  }
}
