package dev.larder.protocol;

/**
 * Arithmetic of blocks (1 MiB, the unit of verification and presence) and stripes (64 consecutive
 * blocks, the unit of placement). Block and stripe numbers start at 0; the last of each may be
 * short. Any thread.
 */
public final class Blocks {
  /** Bytes of a whole block. */
  public static final int BLOCK_BYTES = 1 << 20;

  /** Blocks of a whole stripe. */
  public static final int STRIPE_BLOCKS = 64;

  /** Bytes of a whole stripe. */
  public static final long STRIPE_BYTES = (long) BLOCK_BYTES * STRIPE_BLOCKS;

  /** Blobs of at most this many bytes are index values, larger ones are files. */
  public static final int SMALL_BLOB_BYTES_MAX = 64 << 10;

  /** Largest blob: 2^31 - 1 blocks, about 2 PiB, so that block numbers fit an int. */
  public static final long BLOB_BYTES_MAX = (long) Integer.MAX_VALUE * BLOCK_BYTES;

  private Blocks() {}

  /** Blocks of a blob; 0 for an empty one. */
  public static long blockCount(long sizeBytes) {
    return ceilDiv(checkSize(sizeBytes), BLOCK_BYTES);
  }

  /** Stripes of a blob; 0 for an empty one. */
  public static int stripeCount(long sizeBytes) {
    return (int) ceilDiv(checkSize(sizeBytes), STRIPE_BYTES);
  }

  /** The block that holds the byte at an offset. */
  public static long blockAt(long offsetBytes) {
    return offsetBytes / BLOCK_BYTES;
  }

  /** The stripe that holds a block. */
  public static int stripeOfBlock(long block) {
    return (int) (block / STRIPE_BLOCKS);
  }

  /** First byte of a block. */
  public static long blockOffset(long block) {
    return block * BLOCK_BYTES;
  }

  /** Length in bytes of a block of a blob of this size. */
  public static int blockLength(long sizeBytes, long block) {
    long offset = blockOffset(block);
    if (block < 0 || offset >= sizeBytes) {
      throw new IndexOutOfBoundsException("block " + block + " of a blob of " + sizeBytes);
    }
    return (int) Math.min(BLOCK_BYTES, sizeBytes - offset);
  }

  /** Blocks of one stripe of a blob of this size: 1 to 64. */
  public static int blocksInStripe(long sizeBytes, int stripe) {
    long first = (long) stripe * STRIPE_BLOCKS;
    long count = Math.min(STRIPE_BLOCKS, blockCount(sizeBytes) - first);
    if (stripe < 0 || count <= 0) {
      throw new IndexOutOfBoundsException("stripe " + stripe + " of a blob of " + sizeBytes);
    }
    return (int) count;
  }

  /** Whether a blob of this size is kept as an index value. */
  public static boolean isSmall(long sizeBytes) {
    return checkSize(sizeBytes) <= SMALL_BLOB_BYTES_MAX;
  }

  private static long ceilDiv(long dividend, long divisor) {
    return (dividend + divisor - 1) / divisor;
  }

  private static long checkSize(long sizeBytes) {
    if (sizeBytes < 0 || sizeBytes > BLOB_BYTES_MAX) {
      throw new IllegalArgumentException("blob size out of range: " + sizeBytes);
    }
    return sizeBytes;
  }
}
