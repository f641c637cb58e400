package dev.larder.agent.fill;

import dev.larder.protocol.LarderException;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Notes of failed runs of one blob. A reader that waited since before a note and needs one of its
 * blocks gets the fault; a later reader starts a new run. One thread at a time.
 */
final class FailureLog {
  private static final int KEPT = 64;

  private final ArrayDeque<Note> notes = new ArrayDeque<>();
  private long last;

  private record Note(long number, long firstBlock, long endBlock, LarderException fault) {}

  /** Number of the newest note. */
  long last() {
    return last;
  }

  void note(long firstBlock, long endBlock, LarderException fault) {
    notes.addLast(new Note(++last, firstBlock, endBlock, fault));
    if (notes.size() > KEPT) {
      notes.removeFirst();
    }
  }

  /** The first fault noted after a number that concerns blocks of a range. */
  @Nullable LarderException since(long number, long firstBlock, long endBlock) {
    for (Note note : notes) {
      if (note.number > number && note.firstBlock < endBlock && firstBlock < note.endBlock) {
        return note.fault;
      }
    }
    return null;
  }
}
