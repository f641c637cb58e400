package dev.larder.coordinator.logic;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A state in sorted maps, for tests and simulations. One lock: readers and the writer take turns.
 */
public final class MemoryStateStore implements StateStore {
  private final Map<Table, NavigableMap<byte[], byte[]>> tables = new EnumMap<>(Table.class);

  /** An empty state. */
  public MemoryStateStore() {
    for (Table table : Table.values()) {
      tables.put(table, new TreeMap<>(Arrays::compareUnsigned));
    }
  }

  @Override
  public synchronized <T> T read(Function<Reader, T> query) {
    return query.apply(new MapReader());
  }

  @Override
  public synchronized void commit(
      NavigableMap<Table, NavigableMap<byte[], Optional<byte[]>>> changes) {
    changes.forEach((table, rows) ->
        rows.forEach((key, value) -> {
          if (value.isPresent()) {
            rows(table).put(key.clone(), value.get().clone());
          } else {
            rows(table).remove(key);
          }
        }));
  }

  @Override
  public void close() {}

  private NavigableMap<byte[], byte[]> rows(Table table) {
    NavigableMap<byte[], byte[]> rows = tables.get(table);
    if (rows == null) {
      throw new IllegalStateException("no table " + table);
    }
    return rows;
  }

  private final class MapReader implements Reader {
    @Override
    public byte @Nullable [] get(Table table, byte[] key) {
      byte[] value = rows(table).get(key);
      return value == null ? null : value.clone();
    }

    @Override
    public void scan(Table table, byte[] prefix, Visitor visitor) {
      for (Map.Entry<byte[], byte[]> row : rows(table).tailMap(prefix, true).entrySet()) {
        if (!Keys.startsWith(row.getKey(), prefix)
            || !visitor.row(row.getKey().clone(), row.getValue().clone())) {
          return;
        }
      }
    }
  }
}
