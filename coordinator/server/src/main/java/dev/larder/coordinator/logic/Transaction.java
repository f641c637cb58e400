package dev.larder.coordinator.logic;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Changes on top of a version of the state, seen by its own reads and by nobody else until they are
 * committed. One thread.
 */
final class Transaction implements Reader {
  private final Reader base;
  private final EnumMap<Table, NavigableMap<byte[], Optional<byte[]>>> changes =
      new EnumMap<>(Table.class);

  Transaction(Reader base) {
    this.base = base;
  }

  void put(Table table, byte[] key, byte[] value) {
    of(table).put(key, Optional.of(value));
  }

  void delete(Table table, byte[] key) {
    of(table).put(key, Optional.empty());
  }

  boolean has(Table table, byte[] key) {
    return get(table, key) != null;
  }

  long number(byte[] key) {
    byte[] value = get(Table.META, key);
    return value == null ? 0 : ByteBuffer.wrap(value).getLong();
  }

  /** Adds to a number of {@link Table#META}; a number never written is 0. */
  long add(byte[] key, long delta) {
    long sum = number(key) + delta;
    put(Table.META, key, Keys.number(sum));
    return sum;
  }

  /** Makes the changes of a transaction on top of this one its own. */
  void take(Transaction upper) {
    upper.changes.forEach((table, rows) -> of(table).putAll(rows));
  }

  /** Whether a row of a table was written. */
  boolean changesAny(Table table) {
    NavigableMap<byte[], Optional<byte[]>> written = changes.get(table);
    return written != null && !written.isEmpty();
  }

  /** The changes by table and key; an empty value deletes. */
  NavigableMap<Table, NavigableMap<byte[], Optional<byte[]>>> changes() {
    return new TreeMap<>(changes);
  }

  /** Keys that start with a prefix, gathered so that the rows can be deleted. */
  List<byte[]> keys(Table table, byte[] prefix) {
    List<byte[]> keys = new ArrayList<>();
    scan(
        table,
        prefix,
        (key, value) -> {
          keys.add(key);
          return true;
        });
    return keys;
  }

  @Override
  public byte @Nullable [] get(Table table, byte[] key) {
    Optional<byte[]> changed = of(table).get(key);
    return changed != null ? changed.orElse(null) : base.get(table, key);
  }

  @Override
  public void scan(Table table, byte[] prefix, Visitor visitor) {
    // What the base has is merged with what was written here.
    NavigableMap<byte[], byte[]> merged = new TreeMap<>(Arrays::compareUnsigned);
    for (Map.Entry<byte[], Optional<byte[]>> change : of(table).tailMap(prefix, true).entrySet()) {
      if (!Keys.startsWith(change.getKey(), prefix)) {
        break;
      }
      change.getValue().ifPresent(value -> merged.put(change.getKey(), value));
    }
    if (of(table).isEmpty()) {
      base.scan(table, prefix, visitor);
      return;
    }
    Merge merge = new Merge(table, merged, visitor);
    base.scan(table, prefix, merge);
    merge.rest();
  }

  private NavigableMap<byte[], Optional<byte[]>> of(Table table) {
    return changes.computeIfAbsent(table, unused -> new TreeMap<>(Arrays::compareUnsigned));
  }

  /**
   * Visits written rows before the base's rows they precede, and leaves out what was overwritten.
   */
  private final class Merge implements Visitor {
    private final Table table;
    private final NavigableMap<byte[], byte[]> written;
    private final Visitor visitor;
    private boolean goOn = true;

    Merge(Table table, NavigableMap<byte[], byte[]> written, Visitor visitor) {
      this.table = table;
      this.written = written;
      this.visitor = visitor;
    }

    @Override
    public boolean row(byte[] key, byte[] value) {
      while (goOn && !written.isEmpty() && Arrays.compareUnsigned(written.firstKey(), key) <= 0) {
        visitFirst();
      }
      if (goOn && !of(table).containsKey(key)) {
        goOn = visitor.row(key, value);
      }
      return goOn;
    }

    void rest() {
      while (goOn && !written.isEmpty()) {
        visitFirst();
      }
    }

    private void visitFirst() {
      Map.Entry<byte[], byte[]> first = written.pollFirstEntry();
      goOn = visitor.row(first.getKey(), first.getValue());
    }
  }
}
