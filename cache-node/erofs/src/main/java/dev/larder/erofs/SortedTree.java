package dev.larder.erofs;

import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Turns sorted records into the events of a tree in preorder: makes the directories that the
 * listing only implies, settles duplicates, and lets a directory win over an object of its name.
 * The same records always give the same events, so it can be run once for each pass.
 */
final class SortedTree {

  /** Takes the events. Names are bytes of the given array, valid during the call. */
  interface Sink {
    /** A directory begins; the root has an empty name. {@code entry} is null if only implied. */
    void enter(byte[] bytes, int nameOffset, int nameLength, @Nullable EntryRecord entry)
        throws IOException;

    /** The directory entered last and not yet left ends. */
    void leave() throws IOException;

    /** A file or symbolic link. */
    void leaf(EntryRecord entry, int nameOffset, int nameLength) throws IOException;

    /** A record that is not part of the tree. */
    default void skipped(EntryRecord entry, SkipReason reason) {}
  }

  private final RecordCursor cursor;
  private final Sink sink;
  private final EntryRecord winner = new EntryRecord();
  private final EntryRecord loser = new EntryRecord();
  private boolean hasNext;

  /** The open directories' path, with NUL for slash; each part's end, the root's first. */
  private byte[] open = new byte[Erofs.PATH_MAX + 1];

  private int[] ends = new int[64];
  private int depth;

  SortedTree(RecordCursor cursor, Sink sink) {
    this.cursor = cursor;
    this.sink = sink;
  }

  /** Runs through all records, once. */
  void run() throws IOException {
    hasNext = cursor.next();
    boolean rootDone = false;
    while (hasNext) {
      boolean kept = nextGroup();
      if (!rootDone) {
        rootDone = true;
        boolean explicit = kept && winner.pathLength() == 0;
        sink.enter(open, 0, 0, explicit ? winner : null);
        if (explicit) {
          continue;
        }
      }
      if (kept) {
        deliver();
      }
    }
    if (!rootDone) {
      sink.enter(open, 0, 0, null);
    }
    while (depth > 0) {
      pop();
    }
    sink.leave();
  }

  /** Reads all records of one path; the winner is kept unless entries below it follow. */
  private boolean nextGroup() throws IOException {
    winner.load(cursor);
    boolean directory = winner.type() == EntryType.DIRECTORY;
    hasNext = cursor.next();
    while (hasNext && winner.samePath(cursor)) {
      loser.load(cursor);
      boolean shadowed = directory && loser.type() != EntryType.DIRECTORY;
      sink.skipped(loser, shadowed ? SkipReason.SHADOWED_BY_DIRECTORY : SkipReason.DUPLICATE);
      hasNext = cursor.next();
    }
    if (!directory && hasNext && winner.isParentOf(cursor)) {
      sink.skipped(winner, SkipReason.SHADOWED_BY_DIRECTORY);
      return false;
    }
    return true;
  }

  private void deliver() throws IOException {
    byte[] path = winner.bytes();
    int length = winner.pathLength();
    int nameStart = length;
    while (nameStart > 0 && path[nameStart - 1] != 0) {
      nameStart--;
    }
    int parentEnd = Math.max(0, nameStart - 1);
    while (depth > 0 && !isOpenPrefixOf(path, parentEnd)) {
      pop();
    }
    int at = depth == 0 ? 0 : ends[depth - 1] + 1;
    while (at < parentEnd) {
      int end = at;
      while (end < parentEnd && path[end] != 0) {
        end++;
      }
      push(path, end);
      sink.enter(path, at, end - at, null);
      at = end + 1;
    }
    if (winner.type() == EntryType.DIRECTORY) {
      push(path, length);
      sink.enter(path, nameStart, length - nameStart, winner);
    } else {
      sink.leaf(winner, nameStart, length - nameStart);
    }
  }

  private boolean isOpenPrefixOf(byte[] path, int parentEnd) {
    int end = ends[depth - 1];
    return end <= parentEnd
        && (end == parentEnd || path[end] == 0)
        && Arrays.equals(open, 0, end, path, 0, end);
  }

  private void push(byte[] path, int end) {
    if (depth == ends.length) {
      ends = Arrays.copyOf(ends, 2 * depth);
    }
    System.arraycopy(path, 0, open, 0, end);
    ends[depth++] = end;
  }

  private void pop() throws IOException {
    depth--;
    sink.leave();
  }
}
