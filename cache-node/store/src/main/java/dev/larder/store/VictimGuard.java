package dev.larder.store;

import dev.larder.protocol.BlobKey;
import java.nio.file.Path;

/** Somebody outside of the store who may be reading a sealed blob's file: a kernel mount. */
@FunctionalInterface
public interface VictimGuard {
  /**
   * Whether a sealed blob may be evicted now. Asked right before its records and its file go; an
   * answer stands for that moment only, so who opens the file in between reads on in an unlinked
   * one. A refused blob counts as in use and is asked about again after a second, then after twice
   * as long each time, up to a minute.
   *
   * <p>The store itself has the file not open when it asks, unless somebody opens it just then.
   *
   * <p>Not asked when a blob is deleted, found damaged, or replaced.
   *
   * <p><b>Threads:</b> any thread that makes room, with no lock of the store held. It may block for
   * a moment, and may read from the store; it must not write to it. An exception is a refusal.
   *
   * @param file the file under {@code blobs/}
   */
  boolean mayEvict(BlobKey key, Path file);
}
