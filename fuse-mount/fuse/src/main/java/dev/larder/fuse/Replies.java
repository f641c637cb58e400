package dev.larder.fuse;

import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.StoreNotice;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;

/** Writes replies. Any thread, each with a buffer of its own. */
final class Replies {
  private final Fd device;
  private final Counters counters;
  private final FaultLog faults;

  Replies(Fd device, Counters counters, FaultLog faults) {
    this.device = device;
    this.counters = counters;
    this.faults = faults;
  }

  /** Answers with a fault. */
  void error(ReplyBuffer buffer, long unique, int errno) {
    send(buffer, unique, -errno, 0);
  }

  /** Answers with the first bytes of the buffer's body. */
  void body(ReplyBuffer buffer, long unique, int bodyBytes) {
    send(buffer, unique, 0, bodyBytes);
  }

  /**
   * Puts the first bytes of a file, which are the buffer's body, into the page cache. Waits for
   * READs of them under way, so nobody may have the file open.
   *
   * @return whether they are there; else a READ will ask for them
   */
  boolean store(ReplyBuffer buffer, long nodeId, int bytes) {
    int length = ReplyBuffer.BODY_AT - ReplyBuffer.NOTICE_AT + bytes;
    ReplyHeader.put(buffer.memory(), ReplyBuffer.NOTICE_AT, length, StoreNotice.CODE, 0);
    StoreNotice.putFirst(buffer.memory(), ReplyBuffer.NOTICE_AT + ReplyHeader.BYTES, nodeId, bytes);
    long result = device.write(buffer.memory(), ReplyBuffer.NOTICE_AT, length);
    if (result < 0) {
      refused((int) -result, 0, StoreNotice.CODE, bytes);
    }
    return result >= 0;
  }

  private void send(ReplyBuffer buffer, long unique, int error, int bodyBytes) {
    int length = ReplyHeader.BYTES + bodyBytes;
    ReplyHeader.put(buffer.memory(), ReplyBuffer.HEAD_AT, length, error, unique);
    long result;
    do {
      result = device.write(buffer.memory(), ReplyBuffer.HEAD_AT, length);
    } while (result == -Errno.EINTR || result == -Errno.EAGAIN);
    if (result < 0) {
      refused((int) -result, unique, error, bodyBytes);
    }
  }

  private void refused(int errno, long unique, int error, int bodyBytes) {
    switch (errno) {
      case Errno.ENOENT -> {
        // Of a notice: whoever wanted to open the file is gone, and so is its inode.
        if (unique != 0) {
          counters.answeredBefore.increment();
        }
      }
      // The connection is gone, and the readers' threads will see it.
      case Errno.ENODEV, Errno.ECONNABORTED, Errno.ENOTCONN, Errno.EPIPE -> {}
      default -> {
        counters.replyErrors.increment();
        faults.warn(
            "the kernel did not take a reply",
            Errno.name(errno) + " unique " + unique + " error " + error + " body " + bodyBytes);
      }
    }
  }
}
