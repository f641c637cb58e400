package dev.larder.fuse;

import dev.larder.fuse.frame.RequestHeader;
import java.lang.foreign.MemorySegment;

/**
 * The slots that requests are read into and stay in until they are answered, so that whoever takes
 * the memory over can answer them.
 *
 * <p>A slot is in flight while the {@code unique} of its request is not 0. Which slots are free is
 * known by the one process that reads requests; it alone calls {@link #prepare} and {@link #clear}.
 *
 * <p><b>Threads:</b> any; one slot belongs to one thread at a time. {@link #unique} may be read by
 * any thread and process: it is written with release after everything before it.
 */
public final class Slots {
  /*
   * The kernel writes `unique` in the course of read(2), which orders nothing for other processes;
   * they look only once the reader is dead. Other threads of the reader look for a request that an
   * INTERRUPT names, and the kernel sends that only after the copy was done.
   */
  private final MemorySegment memory;
  private final long offset;
  private final int count;

  Slots(MemorySegment memory, long offset, int count) {
    this.memory = memory;
    this.offset = offset;
    this.count = count;
  }

  /** How many there are. */
  public int count() {
    return count;
  }

  /** The memory the slots stand in; offsets below are into it. */
  public MemorySegment memory() {
    return memory;
  }

  /** Where a slot's request begins; {@link Layout#REQUEST_BYTES} are its room. */
  public long requestAt(int slot) {
    return head(slot) + Layout.SLOT_HEAD_BYTES;
  }

  /** Makes a slot ready for the kernel to write a request into. */
  public void prepare(int slot) {
    Layout.putLong(memory, requestAt(slot) + RequestHeader.UNIQUE, 0);
    putPhase(slot, 0);
  }

  /** The request in flight, or 0. */
  public long unique(int slot) {
    return Layout.getLong(memory, requestAt(slot) + RequestHeader.UNIQUE);
  }

  /** Takes a slot out of flight: its request needs no answer any more. */
  public void clear(int slot) {
    Layout.putLong(memory, requestAt(slot) + RequestHeader.UNIQUE, 0);
  }

  /** How far the request's effect came: 0 not begun, 1 counted. */
  public int phase(int slot) {
    return Layout.getInt(memory, head(slot) + Layout.SLOT_PHASE);
  }

  /** Records how far the request's effect came. */
  public void putPhase(int slot, int phase) {
    Layout.putInt(memory, head(slot) + Layout.SLOT_PHASE, phase);
  }

  /** The slot whose request has this {@code unique}, or -1. */
  public int find(long unique) {
    for (int slot = 0; slot < count; slot++) {
      if (unique(slot) == unique) {
        return slot;
      }
    }
    return -1;
  }

  /** Slots in flight. */
  public int inFlight() {
    int found = 0;
    for (int slot = 0; slot < count; slot++) {
      if (unique(slot) != 0) {
        found++;
      }
    }
    return found;
  }

  private long head(int slot) {
    return offset + (long) slot * Layout.SLOT_BYTES;
  }
}
