package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.logic.v1.WarmUpValue;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Warm-ups over nodes: numbered from 1, standing until a record ends them; of the ended ones the
 * newest stay. Who does what for them is no part of the state.
 */
final class WarmUps {
  private static final String ID_PREFIX = "wu-";

  private WarmUps() {}

  static Outcome put(Transaction transaction, Record.PutWarmUp wish) {
    String dataset = wish.dataset().text();
    if (!transaction.has(Table.DATASETS, Keys.text(dataset))) {
      return DatasetRules.unknown(wish.dataset());
    }
    if (!transaction.has(Table.SNAPSHOTS, Keys.snapshot(dataset, wish.snapshot()))) {
      return new Outcome.Refused(
          ErrorCode.UNKNOWN_DATASET,
          "there is no snapshot " + wish.dataset() + "@" + wish.snapshot());
    }
    for (WarmUpValue known : all(transaction, value -> true)) {
      if (!wish.requestId().isEmpty() && wish.requestId().equals(known.getRequestId())) {
        return new Outcome.WarmUp(job(known));
      }
    }
    long number = transaction.add(Keys.WARM_UPS_MADE, 1);
    WarmUpValue value = value(wish).toBuilder().setNumber(number).build();
    transaction.put(Table.WARM_UPS, Keys.number(number), value.toByteArray());
    transaction.add(Counter.WARM_UPS.key(), 1);
    return new Outcome.WarmUp(job(value));
  }

  static Outcome end(Transaction transaction, Record.EndWarmUps wish) {
    return wish.number() == 0 ? expire(transaction, wish) : cancel(transaction, wish);
  }

  private static Outcome cancel(Transaction transaction, Record.EndWarmUps wish) {
    byte @Nullable [] row = transaction.get(Table.WARM_UPS, Keys.number(wish.number()));
    if (row == null) {
      return new Outcome.Refused(
          ErrorCode.NO_SUCH_PATH, "there is no warm-up " + ID_PREFIX + wish.number());
    }
    WarmUpValue value = Values.parse(WarmUpValue.parser(), row);
    if (value.getEndedAtMs() != 0) {
      return new Outcome.WarmUp(job(value));
    }
    WarmUpValue ended = ended(transaction, value, wish.now(), true);
    forgetOld(transaction, wish.keptMax());
    return new Outcome.WarmUp(job(ended));
  }

  private static Outcome expire(Transaction transaction, Record.EndWarmUps wish) {
    List<WarmUpValue> over = all(transaction, value -> isOver(value, wish.now()));
    over.forEach(value -> ended(transaction, value, wish.now(), false));
    forgetOld(transaction, wish.keptMax());
    return new Outcome.Removed(over.size());
  }

  private static WarmUpValue ended(
      Transaction transaction, WarmUpValue value, Instant now, boolean cancelled) {
    // A clock may say 1970; what ended must read so.
    long at = Math.max(1, now.toEpochMilli());
    WarmUpValue ended = value.toBuilder().setEndedAtMs(at).setCancelled(cancelled).build();
    transaction.put(Table.WARM_UPS, Keys.number(value.getNumber()), ended.toByteArray());
    transaction.add(Counter.WARM_UPS.key(), -1);
    return ended;
  }

  /** Those that began last are the newest. */
  private static void forgetOld(Transaction transaction, int keptMax) {
    List<WarmUpValue> ended = all(transaction, value -> value.getEndedAtMs() != 0);
    for (WarmUpValue value : ended.subList(0, Math.max(0, ended.size() - keptMax))) {
      transaction.delete(Table.WARM_UPS, Keys.number(value.getNumber()));
    }
  }

  /** Forgets what is about snapshots that go. */
  static void drop(Transaction transaction, String dataset, Predicate<Long> snapshots) {
    for (WarmUpValue value :
        all(
            transaction,
            value -> value.getDataset().equals(dataset) && snapshots.test(value.getSnapshot()))) {
      transaction.delete(Table.WARM_UPS, Keys.number(value.getNumber()));
      transaction.add(Counter.WARM_UPS.key(), value.getEndedAtMs() == 0 ? -1 : 0);
    }
  }

  /** Whether a warm-up that stands keeps what it brought in of this snapshot. */
  static boolean pins(Reader reader, String dataset, long snapshot) {
    return !all(
            reader,
            value ->
                value.getEndedAtMs() == 0
                    && value.getPinned()
                    && value.getSnapshot() == snapshot
                    && value.getDataset().equals(dataset))
        .isEmpty();
  }

  /** Warm-ups in the order they began. */
  static List<WarmUpValue> all(Reader reader, Predicate<WarmUpValue> which) {
    List<WarmUpValue> found = new ArrayList<>();
    reader.scan(
        Table.WARM_UPS,
        Keys.NONE,
        (key, row) -> {
          WarmUpValue value = Values.parse(WarmUpValue.parser(), row);
          if (which.test(value)) {
            found.add(value);
          }
          return true;
        });
    return found;
  }

  static boolean isOver(WarmUpValue value, Instant now) {
    return value.getEndedAtMs() == 0
        && value.getExpiresAtMs() != 0
        && value.getExpiresAtMs() <= now.toEpochMilli();
  }

  /** Without a number, which only the state gives. */
  static WarmUpValue value(Record.PutWarmUp wish) {
    return WarmUpValue.newBuilder()
        .setDataset(wish.dataset().text())
        .setSnapshot(wish.snapshot())
        .setGlob(wish.glob())
        .setNodes(wish.nodes())
        .setPinned(wish.pinned())
        .setCreatedAtMs(wish.createdAt().toEpochMilli())
        .setExpiresAtMs(wish.expiresAt().map(Instant::toEpochMilli).orElse(0L))
        .setRequestId(wish.requestId())
        .build();
  }

  static Record.PutWarmUp record(WarmUpValue value) {
    return new Record.PutWarmUp(
        new DatasetName(value.getDataset()),
        value.getSnapshot(),
        value.getGlob(),
        value.getNodes(),
        value.getPinned(),
        Instant.ofEpochMilli(value.getCreatedAtMs()),
        time(value.getExpiresAtMs()),
        value.getRequestId());
  }

  static WarmUpJob job(WarmUpValue value) {
    return new WarmUpJob(
        ID_PREFIX + value.getNumber(),
        new DatasetName(value.getDataset()),
        value.getSnapshot(),
        value.getGlob(),
        value.getNodes(),
        value.getPinned(),
        Instant.ofEpochMilli(value.getCreatedAtMs()),
        time(value.getExpiresAtMs()),
        value.getEndedAtMs() == 0
            ? WarmUpJob.State.STANDING
            : value.getCancelled() ? WarmUpJob.State.CANCELLED : WarmUpJob.State.EXPIRED,
        time(value.getEndedAtMs()));
  }

  private static Optional<Instant> time(long millis) {
    return millis == 0 ? Optional.empty() : Optional.of(Instant.ofEpochMilli(millis));
  }
}
