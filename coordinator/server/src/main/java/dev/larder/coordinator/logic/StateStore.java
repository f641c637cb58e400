package dev.larder.coordinator.logic;

import java.util.NavigableMap;
import java.util.Optional;
import java.util.function.Function;

/**
 * Where the state lives: in memory for tests and simulations, in RocksDB on a disk.
 *
 * <p><b>Threads:</b> any for {@link #read}; one at a time for {@link #commit}. <b>Errors:</b>
 * LarderException STORE_IO, STORE_CORRUPT, CLOSED.
 */
public interface StateStore extends AutoCloseable {
  /** Runs a query on one unchanging version; the reader must not leave the function. */
  <T> T read(Function<Reader, T> query);

  /**
   * Makes changes visible and, where the store outlives the process, crash-safe; all or none.
   *
   * @param changes by table and key; an empty value deletes
   */
  void commit(NavigableMap<Table, NavigableMap<byte[], Optional<byte[]>>> changes);

  /** Gives all handles back; idempotent. */
  @Override
  void close();
}
