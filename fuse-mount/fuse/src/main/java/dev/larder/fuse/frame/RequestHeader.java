package dev.larder.fuse.frame;

import java.lang.foreign.MemorySegment;

/** {@code struct fuse_in_header}: begins every request. */
public final class RequestHeader {
  public static final int LEN = 0;
  public static final int OPCODE = 4;
  public static final int UNIQUE = 8;
  public static final int NODE_ID = 16;
  public static final int UID = 24;
  public static final int GID = 28;
  public static final int PID = 32;
  public static final int BYTES = 40;

  private RequestHeader() {}

  /** Bytes of the whole request, unsigned. */
  public static int len(MemorySegment memory, long at) {
    return Le.getInt(memory, at + LEN);
  }

  /** See {@link Opcode}. */
  public static int opcode(MemorySegment memory, long at) {
    return Le.getInt(memory, at + OPCODE);
  }

  /** Names the request until it is answered; even, and odd only for INTERRUPT. */
  public static long unique(MemorySegment memory, long at) {
    return Le.getLong(memory, at + UNIQUE);
  }

  /** The inode it is about. */
  public static long nodeId(MemorySegment memory, long at) {
    return Le.getLong(memory, at + NODE_ID);
  }

  /** Who asks, as the mount's process ids count; 0 for the kernel itself. */
  public static int pid(MemorySegment memory, long at) {
    return Le.getInt(memory, at + PID);
  }

  /** Writes a header, for tests and tools that play the kernel. */
  public static void put(
      MemorySegment memory, long at, int len, int opcode, long unique, long nodeId) {
    Le.clear(memory, at, BYTES);
    Le.putInt(memory, at + LEN, len);
    Le.putInt(memory, at + OPCODE, opcode);
    Le.putLong(memory, at + UNIQUE, unique);
    Le.putLong(memory, at + NODE_ID, nodeId);
  }
}
