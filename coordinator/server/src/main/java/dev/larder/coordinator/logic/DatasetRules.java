package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.coordinator.logic.v1.DatasetValue;
import dev.larder.coordinator.logic.v1.SnapshotValue;
import dev.larder.coordinator.logic.v1.TombstoneValue;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * Datasets and snapshots. A deleted name leaves a tombstone with its highest snapshot number,
 * because caches know a snapshot as {@code name@3}: a new dataset of that name goes on counting.
 */
final class DatasetRules {
  private DatasetRules() {}

  static Outcome create(Transaction transaction, Record.CreateDataset wish) {
    byte[] key = Keys.text(wish.name().text());
    byte[] known = transaction.get(Table.DATASETS, key);
    if (known != null) {
      DatasetValue value = Values.parse(DatasetValue.parser(), known);
      if (same(wish.requestId(), value.getCreatedByRequest())) {
        return new Outcome.Defined(new Queries(transaction).definition(value));
      }
      return new Outcome.Refused(
          ErrorCode.ALREADY_EXISTS, "dataset \"" + wish.name() + "\" exists already");
    }
    byte[] row = transaction.get(Table.TOMBSTONES, key);
    TombstoneValue tombstone =
        row == null
            ? TombstoneValue.getDefaultInstance()
            : Values.parse(TombstoneValue.parser(), row);
    long last = row == null ? transaction.number(Keys.NUMBERS_FLOOR) : tombstone.getLastSnapshot();
    DatasetDefinition made =
        new DatasetDefinition(
            wish.name(), wish.originUri(), wish.originOptions(), wish.createdAt(), List.of(), last);
    if (same(wish.requestId(), tombstone.getCreatedByRequest())) {
      // A repeat of what was made and deleted meanwhile: to make it again would undo the deletion.
      return new Outcome.Defined(made);
    }
    DatasetValue value =
        DatasetValue.newBuilder()
            .setName(wish.name().text())
            .setOriginUri(wish.originUri())
            .addAllOriginOptions(Values.pairs(wish.originOptions()))
            .setCreatedAtMs(wish.createdAt().toEpochMilli())
            .setLastSnapshot(last)
            .setCreatedByRequest(wish.requestId())
            .build();
    transaction.put(Table.DATASETS, key, value.toByteArray());
    if (row != null) {
      transaction.delete(Table.TOMBSTONES, key);
      countTombstones(transaction, transaction.keys(Table.TOMBSTONES, Keys.NONE).size());
    }
    transaction.add(Counter.DATASETS.key(), 1);
    return new Outcome.Defined(made);
  }

  static Outcome delete(Transaction transaction, Record.DeleteDataset wish) {
    byte[] key = Keys.text(wish.name().text());
    byte[] known = transaction.get(Table.DATASETS, key);
    if (known == null) {
      byte[] tombstone = transaction.get(Table.TOMBSTONES, key);
      boolean repeated =
          tombstone != null
              && same(
                  wish.requestId(),
                  Values.parse(TombstoneValue.parser(), tombstone).getDeletedByRequest());
      return repeated ? new Outcome.Removed(0) : unknown(wish.name());
    }
    DatasetValue dataset = Values.parse(DatasetValue.parser(), known);
    byte[] owned = Keys.owned(wish.name().text());
    List<byte[]> snapshots = transaction.keys(Table.SNAPSHOTS, owned);
    snapshots.forEach(row -> transaction.delete(Table.SNAPSHOTS, row));
    List<byte[]> pins = transaction.keys(Table.PINS, owned);
    pins.forEach(row -> transaction.delete(Table.PINS, row));
    WarmUps.drop(transaction, wish.name().text(), snapshot -> true);
    transaction.delete(Table.DATASETS, key);
    transaction.put(
        Table.TOMBSTONES,
        key,
        TombstoneValue.newBuilder()
            .setLastSnapshot(dataset.getLastSnapshot())
            .setDeletedByRequest(wish.requestId())
            .setCreatedByRequest(dataset.getCreatedByRequest())
            .setNumber(transaction.add(Keys.TOMBSTONES_MADE, 1))
            .build()
            .toByteArray());
    forget(transaction, wish.tombstonesMax());
    transaction.add(Counter.SNAPSHOTS.key(), -snapshots.size());
    transaction.add(Counter.PINS.key(), -pins.size());
    transaction.add(Counter.DATASETS.key(), -1);
    return new Outcome.Removed(1);
  }

  /** Forgets the names deleted first; what comes under one of them goes on above all of theirs. */
  private static void forget(Transaction transaction, int max) {
    TreeMap<Long, List<byte[]>> byAge = new TreeMap<>();
    int[] count = new int[1];
    transaction.scan(
        Table.TOMBSTONES,
        Keys.NONE,
        (key, value) -> {
          count[0]++;
          long number = Values.parse(TombstoneValue.parser(), value).getNumber();
          return byAge.computeIfAbsent(number, unused -> new ArrayList<>()).add(key);
        });
    long floor = transaction.number(Keys.NUMBERS_FLOOR);
    for (byte[] key : byAge.values().stream().flatMap(List::stream).toList()) {
      if (max == 0 || count[0] <= max) {
        break;
      }
      byte[] value = Objects.requireNonNull(transaction.get(Table.TOMBSTONES, key));
      floor = Math.max(floor, Values.parse(TombstoneValue.parser(), value).getLastSnapshot());
      transaction.delete(Table.TOMBSTONES, key);
      count[0]--;
    }
    transaction.put(Table.META, Keys.NUMBERS_FLOOR, Keys.number(floor));
    countTombstones(transaction, count[0]);
  }

  private static void countTombstones(Transaction transaction, int count) {
    transaction.put(Table.META, Counter.TOMBSTONES.key(), Keys.number(count));
  }

  static Outcome addSnapshot(Transaction transaction, Record.AddSnapshot wish) {
    byte[] key = Keys.text(wish.dataset().text());
    byte[] known = transaction.get(Table.DATASETS, key);
    if (known == null) {
      return unknown(wish.dataset());
    }
    DatasetValue dataset = Values.parse(DatasetValue.parser(), known);
    long last = dataset.getLastSnapshot();
    byte[] newest = transaction.get(Table.SNAPSHOTS, Keys.snapshot(wish.dataset().text(), last));
    if (newest != null) {
      SnapshotDefinition standing = Values.snapshot(Values.parse(SnapshotValue.parser(), newest));
      if (standing.content().catalogKey().equals(wish.snapshot().catalogKey())) {
        return new Outcome.Added(standing);
      }
    }
    long number = last + 1;
    transaction.put(
        Table.SNAPSHOTS,
        Keys.snapshot(wish.dataset().text(), number),
        Values.of(number, wish.snapshot()).toByteArray());
    transaction.put(
        Table.DATASETS, key, dataset.toBuilder().setLastSnapshot(number).build().toByteArray());
    transaction.add(Counter.SNAPSHOTS.key(), 1);
    return new Outcome.Added(new SnapshotDefinition(number, wish.snapshot()));
  }

  /** The newest stays: a dataset's name means it, and a smaller number must not take its place. */
  static Outcome deleteSnapshots(Transaction transaction, Record.DeleteSnapshots wish) {
    String name = wish.dataset().text();
    byte[] known = transaction.get(Table.DATASETS, Keys.text(name));
    if (known == null) {
      return unknown(wish.dataset());
    }
    DatasetValue dataset = Values.parse(DatasetValue.parser(), known);
    Set<Long> pinned = Pins.snapshotsOf(transaction, name);
    long removed = 0;
    for (long number : wish.numbers()) {
      byte[] row = Keys.snapshot(name, number);
      if (!transaction.has(Table.SNAPSHOTS, row)) {
        continue;
      }
      if (number == dataset.getLastSnapshot()) {
        return refused(wish.dataset(), number, "is the newest of its dataset");
      }
      if (pinned.contains(number) || WarmUps.pins(transaction, name, number)) {
        return refused(wish.dataset(), number, "is pinned");
      }
      transaction.delete(Table.SNAPSHOTS, row);
      WarmUps.drop(transaction, name, snapshot -> snapshot == number);
      removed++;
    }
    transaction.add(Counter.SNAPSHOTS.key(), -removed);
    return new Outcome.Defined(new Queries(transaction).definition(dataset));
  }

  private static Outcome.Refused refused(DatasetName name, long number, String why) {
    return new Outcome.Refused(
        ErrorCode.BAD_REQUEST, "snapshot " + name + "@" + number + " " + why + " and stays");
  }

  static Outcome.Refused unknown(DatasetName name) {
    return new Outcome.Refused(ErrorCode.UNKNOWN_DATASET, "there is no dataset \"" + name + "\"");
  }

  private static boolean same(String requestId, String standing) {
    return !requestId.isEmpty() && requestId.equals(standing);
  }
}
