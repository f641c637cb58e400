package dev.larder.store.index;

import dev.larder.protocol.BlobKey;

/** Hears of damage. Called from any thread, also a native one; must not block. */
public interface IndexEvents {
  /** One record was unreadable and was dropped. */
  void onBadRecord(BlobKey key, String what);

  /** The database itself is damaged; it must be set aside. */
  void onCorrupt(String what);

  /** The database stopped taking writes for lack of space, or because the disk refuses. */
  void onStopped(String what);
}
