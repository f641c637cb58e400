package dev.larder.coordinator.logic;

import org.jspecify.annotations.Nullable;

/** Reads one unchanging version of the state. Arrays are the caller's own. */
public interface Reader {
  /** The value of a key, or null. */
  byte @Nullable [] get(Table table, byte[] key);

  /**
   * Visits the rows whose keys start with a prefix, ordered by key as unsigned bytes, until the
   * visitor answers false.
   */
  void scan(Table table, byte[] prefix, Visitor visitor);

  /** Sees one row. */
  @FunctionalInterface
  interface Visitor {
    /** Returns whether to go on. */
    boolean row(byte[] key, byte[] value);
  }
}
