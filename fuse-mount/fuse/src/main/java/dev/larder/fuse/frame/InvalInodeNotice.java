package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_notify_inval_inode_out}: the kernel drops what it has cached of an inode. */
public final class InvalInodeNotice {
  /** The notice's code, in place of an error in {@link ReplyHeader}. */
  public static final int CODE = 2;

  public static final int INO = 0;
  public static final int OFF = 8;
  public static final int LEN = 16;
  public static final int BYTES = 24;

  private InvalInodeNotice() {}

  /** All bytes and the attributes of an inode. */
  public static void putWhole(MemorySegment memory, long at, long nodeId) {
    Le.putLong(memory, at + INO, nodeId);
    Le.putLong(memory, at + OFF, 0);
    Le.putLong(memory, at + LEN, -1);
  }
}
