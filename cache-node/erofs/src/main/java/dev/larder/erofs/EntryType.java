package dev.larder.erofs;

/** Kinds of tree entry. */
public enum EntryType {
  /** Bytes. */
  FILE,
  /** Holds entries of its own. */
  DIRECTORY,
  /** Names another path. */
  SYMLINK,
  /** Device, pipe or socket: met in foreign images only, never written to a catalog. */
  OTHER
}
