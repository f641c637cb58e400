package dev.larder.store.index;

import dev.larder.protocol.BlobKey;
import java.util.HashSet;
import java.util.Set;

/**
 * Pinned keys by 64 bits of their digest, in memory because eviction asks for every candidate. Two
 * keys that share the 64 bits make the second one stay as long as the first: harmless. Any thread.
 */
final class PinSet {
  private final Set<Long> prints = new HashSet<>();

  synchronized boolean add(BlobKey key) {
    return prints.add(print(key));
  }

  synchronized boolean remove(BlobKey key) {
    return prints.remove(print(key));
  }

  synchronized boolean contains(BlobKey key) {
    return !prints.isEmpty() && prints.contains(print(key));
  }

  synchronized void clear() {
    prints.clear();
  }

  private static long print(BlobKey key) {
    return key.digest().b() + key.kind().code();
  }
}
