package dev.larder.store.rocks;

/** Changes that become visible, and survive a crash, together. Valid inside the lambda only. */
public interface Batch {
  /** Sets a value. */
  void put(Family family, byte[] key, byte[] value);

  /** Removes a value. */
  void delete(Family family, byte[] key);
}
