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

  /** Hears of what is left of a batch. */
  @FunctionalInterface
  public interface Entries {
    /** The kernel forgot a node so many times. */
    void forgotten(long nodeId, long lookups);
  }

  /**
   * Hands over the entries of a batch that nobody took yet. Each is struck out in the request
   * before it is handed over, so that a process killed within a long batch loses one count at most,
   * and none is counted twice by whoever goes on with the request.
   *
   * @param bodyBytes what the request has behind its header
   * @return false for a malformed one, of which nothing was taken
   */
  public static boolean takeBatch(MemorySegment memory, long at, int bodyBytes, Entries entries) {
    if (bodyBytes < BATCH_BYTES) {
      return false;
    }
    int count = batchCount(memory, at);
    if (count < 0 || (long) count * ONE_BYTES > bodyBytes - BATCH_BYTES) {
      return false;
    }
    for (int i = 0; i < count; i++) {
      long lookups = batchLookups(memory, at, i);
      if (lookups != 0) {
        Le.putLong(memory, at + BATCH_BYTES + (long) i * ONE_BYTES + ONE_LOOKUPS, 0);
        entries.forgotten(batchNodeId(memory, at, i), lookups);
      }
    }
    return true;
  }
}
