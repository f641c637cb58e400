package dev.larder.mount;

import dev.larder.protocol.BlobKey;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;

/** The blobs the store lost last, numbered from 0. Any thread; nothing waits. */
final class Losses {
  /** Whoever asks more seldom than so many are lost looks at everything anew. */
  static final int KEPT = 4096;

  private final ArrayDeque<BlobKey> last = new ArrayDeque<>();
  private long count;

  synchronized void add(BlobKey key) {
    if (last.size() == KEPT) {
      last.removeFirst();
    }
    last.addLast(key);
    count++;
  }

  /** How many there were so far. */
  synchronized long count() {
    return count;
  }

  /** Those from a number on; empty when they are no longer known. */
  synchronized Optional<List<BlobKey>> since(long number) {
    long before = count - last.size();
    return number < before
        ? Optional.empty()
        : Optional.of(last.stream().skip(number - before).toList());
  }
}
