package dev.larder.store.evict;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Decides which unit goes next when room is needed. It knows no budget: what it holds when {@link
 * #victim} is called is taken for the budget.
 *
 * <p><b>Threads:</b> none; the caller locks. <b>Determinism:</b> the same calls give the same
 * victims. <b>Memory:</b> at most 64 MiB for a million units; it does not shrink. Units that are
 * not known are ignored by every method but {@link #admitted}.
 */
public interface EvictionPolicy {

  /** An empty policy. */
  static EvictionPolicy create() {
    return new S3Fifo();
  }

  /**
   * The policy {@link #save} wrote. Reads no further than its last byte, in small pieces: hand in a
   * buffered stream.
   *
   * @throws dev.larder.protocol.LarderException STORE_CORRUPT if the bytes are damaged or cut off;
   *     STORE_UNUSABLE if they are of a newer version (set them aside, do not overwrite them)
   * @throws IOException from the stream
   */
  static EvictionPolicy load(InputStream in) throws IOException {
    return OrderFormat.read(in);
  }

  /** A unit came; its bytes are charged from now on. A unit that is known is only resized. */
  void admitted(UnitId unit, long bytes);

  /**
   * A unit was read. Calls that follow each other closely for one unit (a reader walking through a
   * file) count as one use.
   */
  void used(UnitId unit);

  /** A unit changed its size. */
  void resized(UnitId unit, long bytes);

  /**
   * A unit went. When it is what {@link #victim} last named it was evicted, and is remembered for a
   * while: if it comes back soon it is kept longer. Else it was deleted, or sealed into another
   * unit, and is forgotten.
   */
  void removed(UnitId unit);

  /**
   * A unit may be evictable again: it was unpinned, or closed by its last reader. Without this call
   * such a unit is still found, but among many others only after many calls of {@link #victim}.
   */
  void released(UnitId unit);

  /**
   * The unit to go next. It stays known until {@link #removed}; asked again, the policy names it
   * again.
   *
   * <p>Units the predicate refuses are put aside and asked for again a few at a time, so a call
   * costs no more when most units are pinned. Empty when no unit is evictable; with more than
   * {@value S3Fifo#ASIDE_CHECKS} units put aside, only when none was found among that many of them.
   *
   * @param evictable vetoes units that are pinned or open; must not call the policy
   */
  Optional<UnitId> victim(Predicate<UnitId> evictable);

  /** Whether the unit is known. */
  boolean contains(UnitId unit);

  /** Bytes of all units. */
  long bytes();

  /** Number of units. */
  long size();

  /** Writes the order, about 40 bytes a unit; the stream stays open. */
  void save(OutputStream out) throws IOException;
}
