package dev.larder.store;

import dev.larder.protocol.Blocks;
import dev.larder.store.Counters.Counter;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gives room of blocks back that no record speaks of. */
final class Holes {
  private static final Logger log = LoggerFactory.getLogger(Holes.class);

  private Holes() {}

  /**
   * Punches the blocks of a stripe that a bitmap names; a fault is logged, as only room is lost.
   */
  static void punch(OpenBlob blob, int stripe, long bitmap, Counters counters) {
    try {
      blob.withFile(file -> {
        punch(file, blob.sizeBytes, stripe, bitmap);
        return true;
      });
    } catch (IOException e) {
      counters.increment(Counter.IO_ERRORS_TOTAL);
      log.warn("room of {} was not given back: {}", blob.key, e.toString());
    }
  }

  /** Punches the blocks of a stripe that a bitmap names, run by run. */
  static void punch(PosixFile file, long sizeBytes, int stripe, long bitmap) throws IOException {
    long rest = bitmap;
    while (rest != 0) {
      int first = Long.numberOfTrailingZeros(rest);
      long shifted = rest >>> first;
      int run = ~shifted == 0 ? Long.SIZE : Long.numberOfTrailingZeros(~shifted);
      long offset = stripe * Blocks.STRIPE_BYTES + Blocks.blockOffset(first);
      long length = Math.min(Blocks.blockOffset(run), sizeBytes - offset);
      if (!file.punch(offset, length)) {
        return;
      }
      rest = first + run >= Long.SIZE ? 0 : rest & (-1L << (first + run));
    }
  }
}
