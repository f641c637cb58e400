package dev.larder.erofs;

import java.io.Closeable;
import java.io.IOException;

/** Sorted records, one at a time. Bytes stay valid until the next call of {@link #next}. */
interface RecordCursor extends Closeable {

  /** Moves to the next record; false behind the last. */
  boolean next() throws IOException;

  byte[] bytes();

  int offset();

  int length();

  /** Unsigned bytewise order of the current records. */
  default int compareTo(RecordCursor other) {
    return java.util.Arrays.compareUnsigned(
        bytes(),
        offset(),
        offset() + length(),
        other.bytes(),
        other.offset(),
        other.offset() + other.length());
  }
}
