package dev.larder.coordinator.logic;

import java.nio.ByteBuffer;

/** A place in the Raft log. {@link #NONE} is before the first entry. */
public record Position(long term, long index) {
  /** Nothing applied yet. */
  public static final Position NONE = new Position(0, -1);

  byte[] bytes() {
    return ByteBuffer.allocate(16).putLong(term).putLong(index).array();
  }

  static Position of(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    return new Position(in.getLong(), in.getLong());
  }
}
