package dev.larder.fuse;

import dev.larder.fuse.frame.ForgetRequest;
import dev.larder.fuse.frame.InterruptRequest;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.RequestHeader;
import dev.larder.fuse.frame.StatfsReply;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import java.lang.foreign.MemorySegment;

/**
 * Takes the kernel's requests while there is no agent: it keeps them in their slots for the next
 * one, and answers what cannot wait. Who is killed while waiting gets EINTR and so can end; STATFS
 * is answered, as making an overlay asks it; releases and forgets are counted as an agent would.
 *
 * <p><b>Threads:</b> one. No agent may be serving the memory. Loads no logging library.
 */
public final class Abandoned {
  /** Bytes of the buffer for replies. */
  public static final int REPLY_BYTES = ReplyHeader.BYTES + StatfsReply.BYTES;

  /** What {@link #take} gives when every slot is in flight. */
  public static final int FULL = Integer.MIN_VALUE;

  private final Slots slots;
  private final Rows rows;
  private final Fd device;
  private final MemorySegment reply;

  /**
   * Takes requests of one connection.
   *
   * @param device must not wait when read; requests that an agent read came from the same open file
   * @param reply {@link #REPLY_BYTES} bytes, resident; the caller's
   */
  public Abandoned(SharedState shared, Fd device, MemorySegment reply) {
    this.slots = shared.slots();
    this.rows = shared.rows();
    this.device = device;
    this.reply = reply;
  }

  /**
   * Reads one request.
   *
   * @param failing what to answer with, or 0 to keep it for the next agent
   * @return bytes read, {@link #FULL}, or a negated errno: EAGAIN when there is none, ENODEV or
   *     ECONNABORTED when there will be none any more
   */
  public int take(int failing) {
    int slot = slots.find(0);
    if (slot < 0) {
      return FULL;
    }
    slots.prepare(slot);
    long at = slots.requestAt(slot);
    long length = device.read(slots.memory(), at, Layout.REQUEST_BYTES);
    if (length > 0) {
      handle(slot, (int) length, failing);
    }
    return (int) length;
  }

  /**
   * Answers every request in flight.
   *
   * @return how many there were
   */
  public int failAll(int errno) {
    int found = 0;
    for (int slot = 0; slot < slots.count(); slot++) {
      if (slots.unique(slot) != 0) {
        handle(slot, left(slot), errno);
        found++;
      }
    }
    return found;
  }

  /**
   * Looks through what a dead agent left in flight, as {@link #take} would have.
   *
   * @return how many requests are kept
   */
  public int sort() {
    for (int slot = 0; slot < slots.count(); slot++) {
      if (slots.unique(slot) != 0) {
        handle(slot, left(slot), 0);
      }
    }
    return slots.inFlight();
  }

  private int left(int slot) {
    long length = Integer.toUnsignedLong(RequestHeader.len(slots.memory(), slots.requestAt(slot)));
    return (int) Math.min(length, Layout.REQUEST_BYTES);
  }

  private void handle(int slot, int length, int failing) {
    MemorySegment memory = slots.memory();
    long at = slots.requestAt(slot);
    long body = at + RequestHeader.BYTES;
    int bodyBytes = length - RequestHeader.BYTES;
    if (bodyBytes < 0) {
      slots.clear(slot);
      return;
    }
    long unique = RequestHeader.unique(memory, at);
    int row = rows.rowOf(RequestHeader.nodeId(memory, at));
    switch (RequestHeader.opcode(memory, at)) {
      case Opcode.FORGET -> {
        if (bodyBytes >= ForgetRequest.BYTES && count(slot)) {
          forget(row, ForgetRequest.lookups(memory, body));
        }
      }
      case Opcode.BATCH_FORGET -> {
        if (slots.phase(slot) == 0) {
          boolean unused =
              ForgetRequest.takeBatch(
                  memory, body, bodyBytes, (node, times) -> forget(rows.rowOf(node), times));
        }
      }
      case Opcode.INTERRUPT -> {
        if (bodyBytes >= InterruptRequest.BYTES) {
          interrupt(InterruptRequest.target(memory, body));
        }
      }
      case Opcode.NOTIFY_REPLY -> {}
      case Opcode.RELEASE -> {
        boolean unused = send(unique, 0, 0);
        if (count(slot)) {
          close(row);
        }
      }
      case Opcode.RELEASEDIR, Opcode.DESTROY -> {
        boolean unused = send(unique, 0, 0);
      }
      case Opcode.STATFS -> {
        StatfsReply.put(reply, ReplyHeader.BYTES, 0);
        boolean unused = send(unique, 0, StatfsReply.BYTES);
      }
      default -> {
        if (failing == 0) {
          return;
        }
        fail(slot, failing);
      }
    }
    slots.clear(slot);
  }

  /** Whoever waits for the original was killed or interrupted. */
  private void interrupt(long target) {
    int slot = target == 0 ? -1 : slots.find(target);
    if (slot >= 0) {
      fail(slot, Errno.EINTR);
      slots.clear(slot);
    }
  }

  private void fail(int slot, int errno) {
    MemorySegment memory = slots.memory();
    long at = slots.requestAt(slot);
    boolean wasCounted = slots.phase(slot) != 0 && RequestHeader.opcode(memory, at) == Opcode.OPEN;
    // Taken: the open that was counted fails. Not taken: it was answered before, and stands.
    if (send(RequestHeader.unique(memory, at), errno, 0) && wasCounted) {
      close(rows.rowOf(RequestHeader.nodeId(memory, at)));
    }
  }

  /** Marks an effect as counted; false when it was before. */
  private boolean count(int slot) {
    boolean isFirst = slots.phase(slot) == 0;
    slots.putPhase(slot, 1);
    return isFirst;
  }

  private void forget(int row, long times) {
    // Rows with a count of 0 are freed by the next agent, which goes through them all.
    if (row >= 0 && Rows.isKeys(row)) {
      InodeTable.forget(rows, row, times);
    }
  }

  private void close(int row) {
    if (row >= 0 && Rows.isKeys(row)) {
      int opens = Math.max(0, rows.opens(row) - 1);
      rows.putOpens(row, opens);
      // A backing is closed by the next agent, which looks for those nobody has open.
      if (opens == 0 && !rows.isBacked(row)) {
        rows.putMode(row, Rows.CLOSED);
      }
    }
  }

  /** Whether the kernel took it: the request was not answered before. */
  private boolean send(long unique, int errno, int bodyBytes) {
    int length = ReplyHeader.BYTES + bodyBytes;
    ReplyHeader.put(reply, 0, length, -errno, unique);
    long result;
    do {
      result = device.write(reply, 0, length);
    } while (result == -Errno.EINTR);
    return result >= 0;
  }
}
