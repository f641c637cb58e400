package dev.larder.fuse;

import dev.larder.fuse.frame.InvalInodeNotice;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Makes the kernel drop the bytes and attributes it keeps of an inode.
 *
 * <p><b>Never by a process that answers requests.</b> The call waits for bytes being read, in a way
 * that no signal ends: an agent killed in it would not be dead before the next one answered those
 * reads, and no next one starts before it is dead. The keeper does it, on a thread of its own.
 */
public final class Invalidation {
  private Invalidation() {}

  /**
   * Drops an inode's bytes; waits for reads of it under way.
   *
   * @param device a descriptor of the connection
   * @return whether the kernel knew the inode
   */
  public static boolean send(Fd device, long nodeId) throws LinuxException {
    int length = ReplyHeader.BYTES + InvalInodeNotice.BYTES;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment notice = arena.allocate(length, 8);
      ReplyHeader.put(notice, 0, length, InvalInodeNotice.CODE, 0);
      InvalInodeNotice.putWhole(notice, ReplyHeader.BYTES, nodeId);
      long result = device.write(notice, 0, length);
      if (result == -Errno.ENOENT) {
        return false;
      }
      LinuxException.check(result, "FUSE_NOTIFY_INVAL_INODE", device.subject());
      return true;
    }
  }
}
