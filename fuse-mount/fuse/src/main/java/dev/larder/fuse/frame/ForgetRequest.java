package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct fuse_forget_in} of FORGET, and of BATCH_FORGET {@code struct fuse_batch_forget_in}
 * with an array of {@code struct fuse_forget_one} behind it.
 */
public final class ForgetRequest {
  public static final int LOOKUPS = 0;
  public static final int BYTES = 8;

  public static final int BATCH_COUNT = 0;
  public static final int BATCH_BYTES = 8;
  public static final int ONE_NODE_ID = 0;
  public static final int ONE_LOOKUPS = 8;
  public static final int ONE_BYTES = 16;

  private ForgetRequest() {}

  public static long lookups(MemorySegment memory, long at) {
    return Le.getLong(memory, at + LOOKUPS);
  }

  /** Entries of a batch, unsigned. */
  public static int batchCount(MemorySegment memory, long at) {
    return Le.getInt(memory, at + BATCH_COUNT);
  }

  public static long batchNodeId(MemorySegment memory, long at, int index) {
    return Le.getLong(memory, at + BATCH_BYTES + (long) index * ONE_BYTES + ONE_NODE_ID);
  }

  public static long batchLookups(MemorySegment memory, long at, int index) {
    return Le.getLong(memory, at + BATCH_BYTES + (long) index * ONE_BYTES + ONE_LOOKUPS);
  }

  /** Strikes an entry out: who goes on with the request does not count it again. */
  public static void clearBatchLookups(MemorySegment memory, long at, int index) {
    Le.putLong(memory, at + BATCH_BYTES + (long) index * ONE_BYTES + ONE_LOOKUPS, 0);
  }
}
