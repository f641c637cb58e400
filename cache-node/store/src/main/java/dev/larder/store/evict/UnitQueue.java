package dev.larder.store.evict;

/** A first-in first-out queue threaded through a {@link UnitTable}; any unit can be taken out. */
final class UnitQueue {
  private final UnitTable table;
  private final int number;
  private int oldest = UnitTable.NONE;
  private int youngest = UnitTable.NONE;
  private int size;
  private long bytes;

  UnitQueue(UnitTable table, int number) {
    this.table = table;
    this.number = number;
  }

  /** The unit that came first, or {@link UnitTable#NONE}. */
  int oldest() {
    return oldest;
  }

  int size() {
    return size;
  }

  long bytes() {
    return bytes;
  }

  void push(int slot) {
    table.setQueue(slot, number);
    table.setPrevious(slot, youngest);
    table.setNext(slot, UnitTable.NONE);
    if (youngest == UnitTable.NONE) {
      oldest = slot;
    } else {
      table.setNext(youngest, slot);
    }
    youngest = slot;
    size++;
    bytes += table.bytes(slot);
  }

  void take(int slot) {
    int before = table.previous(slot);
    int after = table.next(slot);
    if (before == UnitTable.NONE) {
      oldest = after;
    } else {
      table.setNext(before, after);
    }
    if (after == UnitTable.NONE) {
      youngest = before;
    } else {
      table.setPrevious(after, before);
    }
    size--;
    bytes -= table.bytes(slot);
  }

  /** Changes the size of a unit in this queue. */
  void resize(int slot, long changed) {
    bytes += changed - table.bytes(slot);
    table.setBytes(slot, changed);
  }
}
