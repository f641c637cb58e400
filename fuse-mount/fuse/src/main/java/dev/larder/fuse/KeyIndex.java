package dev.larder.fuse;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;

/**
 * Key to row, with four bytes a key on the heap: the keys themselves stand in the rows. Not for
 * several threads at once.
 */
final class KeyIndex {
  /*
   * Open addressing with linear probing, at most half full; 0 is an empty place, as row 0 is never
   * used. Removing moves later entries of the run up, so there are no tombstones. Digests are evenly
   * spread, whoever chose the content: their bits are the hash.
   */
  private static final int PLACES_MIN = 1 << 10;

  private final Rows rows;
  private int[] places = new int[PLACES_MIN];
  private int size;

  KeyIndex(Rows rows) {
    this.rows = rows;
  }

  int size() {
    return size;
  }

  /** The key's row, or -1. */
  int find(BlobKey key) {
    int row = places[placeOf(key)];
    return row == 0 ? -1 : row;
  }

  /** Adds a row that holds its key already; false when another row has the key. */
  boolean add(int row) {
    if (2 * (size + 1) > places.length) {
      grow();
    }
    int place = placeOf(rows.key(row));
    if (places[place] != 0) {
      return false;
    }
    places[place] = row;
    size++;
    return true;
  }

  /** Removes a row that still holds its key. */
  void remove(int row) {
    int mask = places.length - 1;
    int hole = home(row);
    while (places[hole] != row) {
      if (places[hole] == 0) {
        return;
      }
      hole = (hole + 1) & mask;
    }
    for (int at = (hole + 1) & mask; places[at] != 0; at = (at + 1) & mask) {
      // An entry may move to the hole unless its home lies behind the hole.
      if (((at - home(places[at])) & mask) >= ((at - hole) & mask)) {
        places[hole] = places[at];
        hole = at;
      }
    }
    places[hole] = 0;
    size--;
  }

  private int placeOf(BlobKey key) {
    int kind = key.kind() == BlobKey.Kind.SHA256 ? Rows.SHA256 : Rows.ORIGIN;
    Digest digest = key.digest();
    int mask = places.length - 1;
    int place = (int) digest.a() & mask;
    while (places[place] != 0 && !holds(places[place], kind, digest)) {
      place = (place + 1) & mask;
    }
    return place;
  }

  private boolean holds(int row, int kind, Digest digest) {
    return rows.digestLong(row, 0) == digest.a()
        && rows.digestLong(row, 1) == digest.b()
        && rows.digestLong(row, 2) == digest.c()
        && rows.digestLong(row, 3) == digest.d()
        && rows.kind(row) == kind;
  }

  private int home(int row) {
    return (int) rows.digestLong(row, 0) & (places.length - 1);
  }

  private void grow() {
    int[] old = places;
    places = new int[2 * old.length];
    int mask = places.length - 1;
    for (int row : old) {
      if (row != 0) {
        int place = home(row);
        while (places[place] != 0) {
          place = (place + 1) & mask;
        }
        places[place] = row;
      }
    }
  }
}
