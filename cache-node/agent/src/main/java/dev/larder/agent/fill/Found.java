package dev.larder.agent.fill;

import java.nio.channels.FileChannel;

/** What a reader of a blob that is being filled finds at an offset. */
public sealed interface Found {

  /**
   * Bytes to send from the fill's file.
   *
   * @param wasLocal whether they were in the store before this reader came
   */
  record Bytes(FileChannel channel, long offset, long length, boolean wasLocal) implements Found {}

  /** The store takes nothing now: read past it. */
  record PastStore() implements Found {}
}
