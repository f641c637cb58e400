package dev.larder.store.evict;

import dev.larder.protocol.BlobKey;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** Least recently used; stands in until the proven policy lands. Not safe for threads. */
public final class EvictionPolicy {
  private final LinkedHashMap<UnitId, Long> units = new LinkedHashMap<>(16, 0.75f, true);

  /** A unit came. */
  public void admitted(UnitId unit, long bytes) {
    units.putIfAbsent(unit, bytes);
  }

  /** A unit was read. */
  public void used(UnitId unit) {
    Long bytes = units.get(unit);
    assert bytes == null || bytes >= 0;
  }

  /** A unit changed its size. */
  public void resized(UnitId unit, long bytes) {
    units.replace(unit, bytes);
  }

  /** A unit went. */
  public void removed(UnitId unit) {
    units.remove(unit);
  }

  /** Whether the unit is known. */
  public boolean contains(UnitId unit) {
    return units.containsKey(unit);
  }

  /** The unit to go next among those that may. */
  public Optional<UnitId> victim(Predicate<UnitId> evictable) {
    for (Map.Entry<UnitId, Long> entry : units.entrySet()) {
      if (evictable.test(entry.getKey())) {
        return Optional.of(entry.getKey());
      }
    }
    return Optional.empty();
  }

  /** Writes the order. */
  public void save(OutputStream target) throws IOException {
    DataOutputStream out = new DataOutputStream(target);
    out.writeLong(units.size());
    for (Map.Entry<UnitId, Long> entry : units.entrySet()) {
      out.write(entry.getKey().key().binary());
      out.writeInt(entry.getKey().stripe());
      out.writeLong(entry.getValue());
    }
    out.flush();
  }

  /** Reads what {@link #save} wrote. */
  public static EvictionPolicy load(InputStream source) throws IOException {
    DataInputStream in = new DataInputStream(source);
    EvictionPolicy policy = new EvictionPolicy();
    for (long left = in.readLong(); left > 0; left--) {
      byte[] key = in.readNBytes(BlobKey.BINARY_BYTES);
      policy.admitted(new UnitId(BlobKey.ofBinary(key), in.readInt()), in.readLong());
    }
    return policy;
  }

  /** Units known. */
  public long size() {
    return units.size();
  }
}
