package dev.larder.store.index;

import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.store.index.Records.BadRecordException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Which blocks of a stripe are present, and their digests. Immutable.
 *
 * <p>Format 1, 13 to 2061 bytes: version, bitmap (8, bit i = block i of the stripe), 32 bytes for
 * each set bit in rising order, CRC32C.
 */
public final class StripeRecord {
  /** Nothing present. */
  public static final StripeRecord EMPTY = new StripeRecord(0, new byte[0]);

  private final long bitmap;
  private final byte[] digests;

  private StripeRecord(long bitmap, byte[] digests) {
    this.bitmap = bitmap;
    this.digests = digests;
  }

  /** Bit i is set when block i of the stripe is present. */
  public long bitmap() {
    return bitmap;
  }

  /** Heap bytes, about. */
  public int weightBytes() {
    return 64 + digests.length;
  }

  /** The digest of a block of the stripe (0 to 63), if it is present. */
  public Optional<Digest> digest(int block) {
    if ((bitmap & (1L << block)) == 0) {
      return Optional.empty();
    }
    return Optional.of(Digest.read(ByteBuffer.wrap(digests, rank(block), Digest.BYTES)));
  }

  /** The digests of the first {@code count} blocks, which must be present. */
  public List<Digest> digests(int count) {
    List<Digest> out = new ArrayList<>(count);
    for (int block = 0; block < count; block++) {
      out.add(digest(block).orElseThrow());
    }
    return out;
  }

  /** Whether the first {@code count} blocks are all present. */
  public boolean isComplete(int count) {
    long wanted = mask(count);
    return (bitmap & wanted) == wanted;
  }

  /** The same with more blocks; a block that is present keeps the digest it has. */
  public StripeRecord with(int firstBlock, List<Digest> added) {
    List<Optional<Digest>> all = new ArrayList<>(Blocks.STRIPE_BLOCKS);
    for (int block = 0; block < Blocks.STRIPE_BLOCKS; block++) {
      int at = block - firstBlock;
      Optional<Digest> own = digest(block);
      all.add(own.isEmpty() && at >= 0 && at < added.size() ? Optional.of(added.get(at)) : own);
    }
    return of(all);
  }

  /** The same without one block. */
  public StripeRecord without(int block) {
    List<Optional<Digest>> all = new ArrayList<>(Blocks.STRIPE_BLOCKS);
    for (int each = 0; each < Blocks.STRIPE_BLOCKS; each++) {
      all.add(each == block ? Optional.empty() : digest(each));
    }
    return of(all);
  }

  /** A bitmap with the first {@code count} (0 to 64) bits set. */
  public static long mask(int count) {
    return count >= Long.SIZE ? -1L : (1L << count) - 1;
  }

  private static StripeRecord of(List<Optional<Digest>> blocks) {
    long bitmap = 0;
    ByteBuffer out = ByteBuffer.allocate(blocks.size() * Digest.BYTES);
    for (int block = 0; block < blocks.size(); block++) {
      Optional<Digest> digest = blocks.get(block);
      if (digest.isPresent()) {
        bitmap |= 1L << block;
        digest.get().write(out);
      }
    }
    return new StripeRecord(bitmap, Arrays.copyOf(out.array(), out.position()));
  }

  byte[] encode(byte[] key) {
    ByteBuffer out = ByteBuffer.allocate(9 + digests.length + Records.CRC_BYTES);
    out.put(Records.VERSION).putLong(bitmap).put(digests);
    return Records.seal(key, out);
  }

  static StripeRecord decode(byte[] key, byte[] bytes) throws BadRecordException {
    ByteBuffer in = Records.open(key, bytes, 9);
    long bitmap = in.getLong();
    if (in.remaining() != Long.bitCount(bitmap) * Digest.BYTES) {
      throw new BadRecordException("stripe record has " + in.remaining() + " bytes of digests");
    }
    byte[] digests = new byte[in.remaining()];
    in.get(digests);
    return new StripeRecord(bitmap, digests);
  }

  private int rank(int block) {
    return Long.bitCount(bitmap & mask(block)) * Digest.BYTES;
  }
}
