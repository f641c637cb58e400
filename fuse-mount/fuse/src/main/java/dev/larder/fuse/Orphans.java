package dev.larder.fuse;

import dev.larder.fuse.frame.ForgetRequest;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.fuse.frame.RequestHeader;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.NativeBuffer;
import java.lang.foreign.MemorySegment;

/**
 * Answers the kernel while there is no agent, for the keeper: everything with EIO, but what the
 * kernel lets go of is noted in the rows, so that the next agent finds right counts.
 *
 * <p><b>Threads:</b> one, while it is certain that no agent lives. <b>Ownership:</b> memory and
 * descriptors are the caller's.
 */
public final class Orphans implements AutoCloseable {
  private static final long REPLY_AT = Layout.REQUEST_BYTES;

  private final Slots slots;
  private final Rows rows;
  private final NativeBuffer buffer;
  private final MemorySegment request;

  /** What came of a look for a request. */
  public enum Found {
    /** One was answered. */
    ONE,
    /** There is none now. */
    NONE,
    /** The connection is gone. */
    END
  }

  /** Makes its buffer. */
  public Orphans(SharedState state) throws LinuxException {
    slots = state.slots();
    rows = state.rows();
    buffer = NativeBuffer.locked(2L * Layout.REQUEST_BYTES);
    request = buffer.memory();
  }

  /**
   * Ends every request the dead agent left.
   *
   * @param device the open file the agent read from
   * @return how many there were
   */
  public int answerLeft(Fd device) {
    int found = 0;
    for (int slot = 0; slot < slots.count(); slot++) {
      if (slots.unique(slot) != 0) {
        found++;
        long at = slots.requestAt(slot);
        long length =
            Math.min(
                Layout.REQUEST_BYTES,
                Integer.toUnsignedLong(RequestHeader.len(slots.memory(), at)));
        boolean wasCounted = slots.phase(slot) != 0;
        slots.putPhase(slot, 1);
        answer(device, slots.memory(), at, length, wasCounted);
        slots.clear(slot);
      }
    }
    return found;
  }

  /**
   * Reads one request and ends it.
   *
   * @param device a clone of the keeper's own, that does not wait
   */
  public Found answerNext(Fd device) {
    long got = device.read(request, 0, Layout.REQUEST_BYTES);
    if (got > 0) {
      if (got >= RequestHeader.BYTES) {
        answer(device, request, 0, got, false);
      }
      return Found.ONE;
    }
    return switch ((int) -got) {
      case Errno.EAGAIN, Errno.EINTR, Errno.ENOENT -> Found.NONE;
      default -> Found.END;
    };
  }

  private void answer(Fd device, MemorySegment memory, long at, long length, boolean wasCounted) {
    long nodeId = RequestHeader.nodeId(memory, at);
    switch (RequestHeader.opcode(memory, at)) {
      case Opcode.FORGET, Opcode.BATCH_FORGET -> {
        if (!wasCounted) {
          forget(memory, at, length - RequestHeader.BYTES);
        }
      }
      case Opcode.INTERRUPT, Opcode.NOTIFY_REPLY -> {}
      case Opcode.RELEASE -> {
        if (!wasCounted) {
          release(nodeId);
        }
        boolean unused = reply(device, memory, at, 0);
      }
      case Opcode.OPEN -> {
        // A file that could not be opened is not released either.
        if (reply(device, memory, at, -Errno.EIO) && wasCounted) {
          release(nodeId);
        }
      }
      case Opcode.RELEASEDIR -> {
        boolean unused = reply(device, memory, at, 0);
      }
      // A LOOKUP that was counted stays so: a row too many harms nobody.
      default -> {
        boolean unused = reply(device, memory, at, -Errno.EIO);
      }
    }
  }

  /** Whether the kernel took it; it does not when the agent had answered before it died. */
  private boolean reply(Fd device, MemorySegment memory, long at, int error) {
    ReplyHeader.put(
        request, REPLY_AT, ReplyHeader.BYTES, error, RequestHeader.unique(memory, at));
    return device.write(request, REPLY_AT, ReplyHeader.BYTES) >= 0;
  }

  private void forget(MemorySegment memory, long at, long bodyBytes) {
    long body = at + RequestHeader.BYTES;
    if (RequestHeader.opcode(memory, at) == Opcode.BATCH_FORGET) {
      forgetAll(memory, body, bodyBytes);
    } else if (bodyBytes >= ForgetRequest.BYTES) {
      forget(RequestHeader.nodeId(memory, at), ForgetRequest.lookups(memory, body));
    }
  }

  private void forgetAll(MemorySegment memory, long body, long bodyBytes) {
    if (bodyBytes < ForgetRequest.BATCH_BYTES) {
      return;
    }
    long room = (bodyBytes - ForgetRequest.BATCH_BYTES) / ForgetRequest.ONE_BYTES;
    long count =
        Math.min(room, Integer.toUnsignedLong(ForgetRequest.batchCount(memory, body)));
    for (int i = 0; i < count; i++) {
      forget(
          ForgetRequest.batchNodeId(memory, body, i), ForgetRequest.batchLookups(memory, body, i));
    }
  }

  private void forget(long nodeId, long times) {
    int row = rows.rowOf(nodeId);
    if (row >= 0 && Rows.isKeys(row)) {
      InodeTable.forget(rows, row, times);
    }
  }

  private void release(long nodeId) {
    int row = rows.rowOf(nodeId);
    if (row >= 0 && Rows.isKeys(row) && rows.opens(row) > 0) {
      rows.putOpens(row, rows.opens(row) - 1);
    }
  }

  @Override
  public void close() {
    buffer.close();
  }
}
