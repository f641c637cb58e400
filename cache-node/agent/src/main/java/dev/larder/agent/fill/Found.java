package dev.larder.agent.fill;

import java.nio.channels.FileChannel;

/** What a reader of a blob that is being filled finds at an offset. */
public sealed interface Found {

  /**
   * Bytes to send from the fill's file.
   *
   * @param came where they were when this reader came
   */
  record Bytes(FileChannel channel, long offset, long length, Came came) implements Found {}

  /** Where bytes were. */
  enum Came {
    /** In the store. */
    LOCAL,
    /** At another member. */
    PEER,
    /** At the origin. */
    ORIGIN
  }

  /** The store takes nothing now: read past it. */
  record PastStore() implements Found {}
}
