package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.logic.v1.PinValue;
import dev.larder.protocol.ErrorCode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Pins: one per dataset, snapshot, glob and owner. They end by a record that carries the time. */
final class Pins {
  private Pins() {}

  static Outcome put(Transaction transaction, Record.PutPin wish) {
    NewPin pin = wish.pin();
    String dataset = pin.dataset().text();
    if (!transaction.has(Table.DATASETS, Keys.text(dataset))) {
      return DatasetRules.unknown(pin.dataset());
    }
    if (pin.snapshot() != 0
        && !transaction.has(Table.SNAPSHOTS, Keys.snapshot(dataset, pin.snapshot()))) {
      return new Outcome.Refused(
          ErrorCode.UNKNOWN_DATASET,
          "there is no snapshot " + pin.dataset() + "@" + pin.snapshot());
    }
    byte[] key = Keys.pin(dataset, pin.snapshot(), pin.glob(), pin.owner());
    byte[] known = transaction.get(Table.PINS, key);
    PinValue value = Values.of(wish.id(), pin, wish.createdAt());
    if (known != null) {
      PinValue old = Values.parse(PinValue.parser(), known);
      value = value.toBuilder().setId(old.getId()).setCreatedAtMs(old.getCreatedAtMs()).build();
    } else {
      transaction.add(Counter.PINS.key(), 1);
    }
    transaction.put(Table.PINS, key, value.toByteArray());
    return new Outcome.Pinned(Values.pin(value));
  }

  static Outcome remove(Transaction transaction, Record.RemovePin wish) {
    byte[] key = Keys.pin(wish.dataset().text(), wish.snapshot(), wish.glob(), wish.owner());
    if (!transaction.has(Table.PINS, key)) {
      return new Outcome.Removed(0);
    }
    transaction.delete(Table.PINS, key);
    transaction.add(Counter.PINS.key(), -1);
    return new Outcome.Removed(1);
  }

  static Outcome move(Transaction transaction, Record.MovePin wish) {
    String dataset = wish.dataset().text();
    byte[] from = Keys.pin(dataset, wish.snapshot(), wish.glob(), wish.from());
    byte[] to = Keys.pin(dataset, wish.snapshot(), wish.glob(), wish.to());
    byte[] row = transaction.get(Table.PINS, from);
    if (row == null || wish.from().equals(wish.to())) {
      return new Outcome.Removed(0);
    }
    PinValue moved = Values.parse(PinValue.parser(), row).toBuilder().setOwner(wish.to()).build();
    byte[] standing = transaction.get(Table.PINS, to);
    if (standing != null) {
      PinValue other = Values.parse(PinValue.parser(), standing);
      moved = other.toBuilder().setExpiresAtMs(laterEnd(other, moved)).build();
      transaction.add(Counter.PINS.key(), -1);
    }
    transaction.delete(Table.PINS, from);
    transaction.put(Table.PINS, to, moved.toByteArray());
    return new Outcome.Removed(1);
  }

  private static long laterEnd(PinValue one, PinValue other) {
    boolean isForEver = one.getExpiresAtMs() == 0 || other.getExpiresAtMs() == 0;
    return isForEver ? 0 : Math.max(one.getExpiresAtMs(), other.getExpiresAtMs());
  }

  static Outcome expire(Transaction transaction, Instant now) {
    List<byte[]> ended = new ArrayList<>();
    transaction.scan(
        Table.PINS,
        Keys.NONE,
        (key, value) -> {
          if (hasEnded(Values.parse(PinValue.parser(), value), now)) {
            ended.add(key);
          }
          return true;
        });
    ended.forEach(key -> transaction.delete(Table.PINS, key));
    transaction.add(Counter.PINS.key(), -ended.size());
    return new Outcome.Removed(ended.size());
  }

  /** Numbers of the snapshots that pins of a dataset name. */
  static Set<Long> snapshotsOf(Transaction transaction, String dataset) {
    Set<Long> numbers = new HashSet<>();
    transaction.scan(
        Table.PINS,
        Keys.owned(dataset),
        (key, value) -> {
          numbers.add(Values.parse(PinValue.parser(), value).getSnapshot());
          return true;
        });
    return numbers;
  }

  static boolean hasEnded(PinValue pin, Instant now) {
    return pin.getExpiresAtMs() != 0 && pin.getExpiresAtMs() <= now.toEpochMilli();
  }
}
