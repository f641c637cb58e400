package dev.larder.agent.fill;

import dev.larder.protocol.LarderException;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Notes of failed runs of one blob. A reader gets the fault of a run that needed one of its blocks
 * and was begun while it waited; a run that was at work before the reader came is tried again on
 * its behalf, as it may have failed for reasons that are over. One thread at a time.
 */
final class FailureLog {
  private static final int KEPT = 64;

  private final ArrayDeque<Note> notes = new ArrayDeque<>();
  private long last;

  private record Note(long begun, long firstBlock, long endBlock, LarderException fault) {}

  /** The moment now: what begins from here on has a greater number. */
  long now() {
    return last;
  }

  /** A run begins; answers the number to note its failure with. */
  long begin() {
    return ++last;
  }

  /** Something failed at once, begun at this moment. */
  void note(long firstBlock, long endBlock, LarderException fault) {
    note(begin(), firstBlock, endBlock, fault);
  }

  void note(long begun, long firstBlock, long endBlock, LarderException fault) {
    notes.addLast(new Note(begun, firstBlock, endBlock, fault));
    if (notes.size() > KEPT) {
      notes.removeFirst();
    }
  }

  /** The first fault of what was begun after a moment that concerns blocks of a range. */
  @Nullable LarderException since(long moment, long firstBlock, long endBlock) {
    for (Note note : notes) {
      if (note.begun > moment && note.firstBlock < endBlock && firstBlock < note.endBlock) {
        return note.fault;
      }
    }
    return null;
  }
}
