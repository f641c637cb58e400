package dev.larder.fuse;

import dev.larder.fuse.frame.RequestHeader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The request in a slot, as one thread looks at it; used again for the next. */
final class Request {
  private final Slots slots;
  private final MemorySegment memory;
  private int slot;
  private long at;
  private int length;
  private int opcode;
  private long unique;
  private long nodeId;

  Request(Slots slots) {
    this.slots = slots;
    this.memory = slots.memory();
  }

  /** Looks at a slot; {@code length} is what was read into it. */
  void load(int slot, int length) {
    this.slot = slot;
    this.length = length;
    at = slots.requestAt(slot);
    opcode = RequestHeader.opcode(memory, at);
    unique = RequestHeader.unique(memory, at);
    nodeId = RequestHeader.nodeId(memory, at);
  }

  /** Looks at a slot a former agent read into; its own header tells the length. */
  void loadLeft(int slot) {
    long len = Integer.toUnsignedLong(RequestHeader.len(memory, slots.requestAt(slot)));
    load(slot, (int) Math.min(len, Layout.REQUEST_BYTES));
  }

  /** Whether the header says what was read. */
  boolean isWhole() {
    return length >= RequestHeader.BYTES && RequestHeader.len(memory, at) == length;
  }

  MemorySegment memory() {
    return memory;
  }

  int slot() {
    return slot;
  }

  int length() {
    return length;
  }

  int opcode() {
    return opcode;
  }

  long unique() {
    return unique;
  }

  long nodeId() {
    return nodeId;
  }

  /** Where the frame behind the header begins. */
  long body() {
    return at + RequestHeader.BYTES;
  }

  /** Bytes behind the header. */
  int bodyBytes() {
    return length - RequestHeader.BYTES;
  }

  boolean wasCounted() {
    return slots.phase(slot) != 0;
  }

  void putCounted() {
    slots.putPhase(slot, 1);
  }

  /** Bytes of the name that is all of the body, or -1 when it is no name. */
  int nameBytes() {
    long body = body();
    int last = bodyBytes() - 1;
    if (last < 1 || memory.get(ValueLayout.JAVA_BYTE, body + last) != 0) {
      return -1;
    }
    for (int i = 0; i < last; i++) {
      if (memory.get(ValueLayout.JAVA_BYTE, body + i) == 0) {
        return -1;
      }
    }
    return last;
  }

  /** One byte of the name. */
  int nameByte(int index) {
    return memory.get(ValueLayout.JAVA_BYTE, body() + index);
  }
}
