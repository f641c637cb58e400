package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_notify_store_out}: bytes for the page cache, which follow the frame. */
public final class StoreNotice {
  /** The notice's code, in place of an error in {@link ReplyHeader}. */
  public static final int CODE = 4;

  public static final int NODE_ID = 0;
  public static final int OFFSET = 8;
  public static final int SIZE = 16;
  public static final int BYTES = 24;

  private StoreNotice() {}

  /** The first bytes of an inode. */
  public static void putFirst(MemorySegment memory, long at, long nodeId, int size) {
    Le.putLong(memory, at + NODE_ID, nodeId);
    Le.putLong(memory, at + OFFSET, 0);
    // Padding follows the size.
    Le.putLong(memory, at + SIZE, size);
  }
}
