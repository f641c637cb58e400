package dev.larder.agent.fill;

import java.util.ArrayDeque;
import java.util.Iterator;

/**
 * How far ahead of the readers of one blob to fetch. Reads that follow one another form a stream;
 * several streams on one blob are told apart. A stream's window doubles while its reader keeps
 * going.
 *
 * <p><b>Threads:</b> one at a time; {@link BlobFill} locks. No I/O, no clock.
 */
final class ReadAhead {
  /** Smallest and largest first window, in bytes. */
  static final long FIRST_MIN = 1L << 20;

  static final long FIRST_MAX = 8L << 20;

  /** A reader may skip or go back this far and still be the same stream, in bytes. */
  private static final long SLACK = 1L << 20;

  private final long sizeBytes;
  private final long windowMax;
  private final int streamsMax;
  private final ArrayDeque<Stream> streams = new ArrayDeque<>();

  /**
   * No streams yet.
   *
   * @param windowMax {@code fill.read-ahead-max}, in bytes; 0 turns read-ahead off
   * @param streamsMax streams told apart; the one idle for longest is forgotten
   */
  ReadAhead(long sizeBytes, long windowMax, int streamsMax) {
    this.sizeBytes = sizeBytes;
    this.windowMax = windowMax;
    this.streamsMax = streamsMax;
  }

  /**
   * A reader asks for bytes; answers the first byte that need not be fetched yet.
   *
   * @param offset the byte needed next
   * @param length bytes the reader said it will take from there, at least 1
   * @param isSequential whether the reader said that it will go on behind them
   */
  long aheadEnd(long offset, long length, boolean isSequential) {
    long requestEnd = offset + Math.min(length, sizeBytes - offset);
    Stream stream = find(offset);
    if (stream == null) {
      stream = new Stream(offset, first(length, isSequential));
    } else {
      stream.moveTo(offset, windowMax);
    }
    if (stream.requestEnd != requestEnd) {
      stream.requests++;
      stream.requestEnd = requestEnd;
    }
    streams.addFirst(stream);
    if (streams.size() > streamsMax) {
      streams.removeLast();
    }
    long ahead = stream.extend(offset, windowMax);
    boolean isGoingOn = isSequential || stream.requests > 1;
    long end = isGoingOn ? ahead : Math.min(requestEnd, ahead);
    return Math.min(sizeBytes, Math.max(end, Math.min(requestEnd, offset + FIRST_MIN)));
  }

  private static long first(long length, boolean isSequential) {
    return isSequential
        ? FIRST_MAX
        : Math.clamp(4 * Math.min(length, FIRST_MAX), FIRST_MIN, FIRST_MAX);
  }

  private @org.jspecify.annotations.Nullable Stream find(long offset) {
    for (Iterator<Stream> each = streams.iterator(); each.hasNext(); ) {
      Stream stream = each.next();
      if (stream.continuesAt(offset)) {
        each.remove();
        return stream;
      }
    }
    return null;
  }

  private static final class Stream {
    private long position;
    private long grownAt;
    private long window;
    private long ahead;
    private long requestEnd = -1;
    private int requests;

    Stream(long position, long window) {
      this.position = position;
      this.grownAt = position;
      this.window = window;
    }

    /** Behind the last place, or where its request ended, or a little beside either. */
    boolean continuesAt(long offset) {
      return (offset >= position - SLACK && offset <= position + SLACK)
          || (offset >= requestEnd - SLACK && offset <= requestEnd + SLACK);
    }

    /** Half a window at a time, so that runs do not come block by block. */
    long extend(long offset, long windowMax) {
      long wanted = Math.min(window, windowMax);
      if (ahead < offset + wanted / 2 || ahead > offset + 2 * wanted) {
        ahead = offset + wanted;
      }
      return ahead;
    }

    void moveTo(long offset, long windowMax) {
      position = Math.max(position, offset);
      while (window < windowMax && position - grownAt >= window / 2) {
        grownAt += window / 2;
        window = Math.min(windowMax, 2 * window);
      }
    }
  }
}
