package dev.larder.fuse;

import dev.larder.fuse.frame.ForgetRequest;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.RequestHeader;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import java.lang.foreign.MemorySegment;

/**
 * Answers requests with an error while there is no agent, and keeps the counts right: what the
 * kernel releases and forgets meanwhile would otherwise stay counted for ever.
 *
 * <p><b>Threads:</b> one. No agent may be serving the memory. Loads no logging library.
 */
public final class Abandoned {
  private static final int NO_SLOT = -1;

  private final Slots slots;
  private final Rows rows;
  private final MemorySegment reply;

  /**
   * Answers for one memory.
   *
   * @param reply at least {@link ReplyHeader#BYTES} bytes, resident; the caller's
   */
  public Abandoned(SharedState shared, MemorySegment reply) {
    this.slots = shared.slots();
    this.rows = shared.rows();
    this.reply = reply;
  }

  /**
   * Answers every request in flight.
   *
   * @param device the open file they were read from
   * @param errno for what is not released or forgotten
   * @return how many there were
   */
  public int answerLeft(Fd device, int errno) {
    int found = 0;
    for (int slot = 0; slot < slots.count(); slot++) {
      if (slots.unique(slot) != 0) {
        long at = slots.requestAt(slot);
        long length = Integer.toUnsignedLong(RequestHeader.len(slots.memory(), at));
        found++;
        answer(device, errno, slots.memory(), at, Math.min(length, Layout.REQUEST_BYTES), slot);
        slots.clear(slot);
      }
    }
    return found;
  }

  /**
   * Answers a request that was just read.
   *
   * @param device the open file it was read from
   * @param errno for what is not released or forgotten
   */
  public void answer(Fd device, int errno, MemorySegment request, long at, long length) {
    answer(device, errno, request, at, length, NO_SLOT);
  }

  private void answer(Fd device, int errno, MemorySegment memory, long at, long length, int slot) {
    if (length < RequestHeader.BYTES) {
      return;
    }
    long body = at + RequestHeader.BYTES;
    long bodyBytes = length - RequestHeader.BYTES;
    long unique = RequestHeader.unique(memory, at);
    int row = rows.rowOf(RequestHeader.nodeId(memory, at));
    switch (RequestHeader.opcode(memory, at)) {
      case Opcode.FORGET -> {
        if (bodyBytes >= ForgetRequest.BYTES && count(slot)) {
          forget(row, ForgetRequest.lookups(memory, body));
        }
      }
      case Opcode.BATCH_FORGET -> batchForget(memory, body, bodyBytes, slot);
      // What they name is answered or is about to be.
      case Opcode.INTERRUPT, Opcode.NOTIFY_REPLY -> {}
      case Opcode.RELEASE -> {
        send(device, unique, 0);
        if (count(slot)) {
          close(row);
        }
      }
      case Opcode.RELEASEDIR, Opcode.DESTROY -> send(device, unique, 0);
      case Opcode.OPEN -> {
        boolean wasCounted = slot != NO_SLOT && slots.phase(slot) != 0;
        // Taken: the open that was counted fails. Not taken: it was answered before, and stands.
        if (send(device, unique, errno) && wasCounted) {
          close(row);
        }
      }
      default -> send(device, unique, errno);
    }
  }

  /** Marks an effect as counted; false when it was before. */
  private boolean count(int slot) {
    if (slot == NO_SLOT) {
      return true;
    }
    boolean isFirst = slots.phase(slot) == 0;
    slots.putPhase(slot, 1);
    return isFirst;
  }

  private void batchForget(MemorySegment memory, long body, long bodyBytes, int slot) {
    if (bodyBytes < ForgetRequest.BATCH_BYTES) {
      return;
    }
    int count = ForgetRequest.batchCount(memory, body);
    long room = bodyBytes - ForgetRequest.BATCH_BYTES;
    if (count < 0 || (long) count * ForgetRequest.ONE_BYTES > room || !count(slot)) {
      return;
    }
    for (int i = 0; i < count; i++) {
      forget(
          rows.rowOf(ForgetRequest.batchNodeId(memory, body, i)),
          ForgetRequest.batchLookups(memory, body, i));
    }
  }

  private void forget(int row, long times) {
    // Rows with a count of 0 are freed by the next agent, which goes through them all.
    if (row >= 0 && Rows.isKeys(row) && rows.lookups(row) != Integer.MAX_VALUE) {
      int before = rows.lookups(row);
      rows.putLookups(row, times < 0 || times >= before ? 0 : before - (int) times);
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
  private boolean send(Fd device, long unique, int errno) {
    ReplyHeader.put(reply, 0, ReplyHeader.BYTES, -errno, unique);
    long result;
    do {
      result = device.write(reply, 0, ReplyHeader.BYTES);
    } while (result == -Errno.EINTR);
    return result >= 0;
  }
}
