package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_attr_out}: the reply to GETATTR. */
public final class AttrReply {
  public static final int ATTR_VALID = 0;
  public static final int ATTR_VALID_NSEC = 8;
  public static final int ATTR = 16;
  public static final int BYTES = ATTR + Attr.BYTES;

  private AttrReply() {}

  /** Writes everything but the attributes; they hold for ever. */
  public static void put(MemorySegment memory, long at) {
    Le.clear(memory, at, ATTR);
    Le.putLong(memory, at + ATTR_VALID, EntryReply.FOREVER_SECONDS);
  }
}
