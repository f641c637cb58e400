package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_entry_out}: the reply to LOOKUP, and part of READDIRPLUS. */
public final class EntryReply {
  public static final int NODE_ID = 0;
  public static final int GENERATION = 8;
  public static final int ENTRY_VALID = 16;
  public static final int ATTR_VALID = 24;
  public static final int ENTRY_VALID_NSEC = 32;
  public static final int ATTR_VALID_NSEC = 36;
  public static final int ATTR = 40;
  public static final int BYTES = ATTR + Attr.BYTES;

  /** Seconds the kernel takes as for ever; it caps at its own maximum. */
  public static final long FOREVER_SECONDS = Long.MAX_VALUE;

  private EntryReply() {}

  /** Writes everything but the attributes; name and attributes hold for ever. */
  public static void put(MemorySegment memory, long at, long nodeId) {
    Le.clear(memory, at, ATTR);
    Le.putLong(memory, at + NODE_ID, nodeId);
    Le.putLong(memory, at + ENTRY_VALID, FOREVER_SECONDS);
    Le.putLong(memory, at + ATTR_VALID, FOREVER_SECONDS);
  }

  /** An entry of a directory whose inode is not told. */
  public static void putNone(MemorySegment memory, long at) {
    Le.clear(memory, at, BYTES);
  }

  public static long nodeId(MemorySegment memory, long at) {
    return Le.getLong(memory, at + NODE_ID);
  }
}
