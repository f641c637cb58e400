package dev.larder.coordinator.logic;

import dev.larder.coordinator.logic.Outcome.Refused;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * The coordinator's state machine: applies records in the order of the log and answers queries.
 *
 * <p>{@link #apply} is a function of state and record alone, and stores its result together with
 * the place of the record, so that after a crash each record counts exactly once.
 *
 * <p><b>Threads:</b> one applies; any reads. <b>Ownership:</b> the store stays the caller's.
 */
public final class CoordinatorState {
  private static final int FORMAT_VERSION = 1;

  private final StateStore store;

  /**
   * Takes up what the store holds.
   *
   * @throws LarderException STORE_UNUSABLE when a newer Larder wrote it
   */
  public CoordinatorState(StateStore store) {
    this.store = store;
    byte[] format =
        store
            .<List<byte[]>>read(reader -> {
              byte[] value = reader.get(Table.META, Keys.FORMAT);
              return value == null ? List.of() : List.of(value);
            })
            .stream()
            .findFirst()
            .orElse(Keys.number(FORMAT_VERSION));
    long version = ByteBuffer.wrap(format).getLong();
    if (version != FORMAT_VERSION) {
      throw new LarderException(
          ErrorCode.STORE_UNUSABLE,
          "the coordinator's state has format "
              + version
              + ", this Larder knows "
              + FORMAT_VERSION);
    }
  }

  /** The last entry in the state. */
  public Position applied() {
    return store.read(reader -> {
      byte[] value = reader.get(Table.META, Keys.APPLIED);
      return value == null ? Position.NONE : Position.of(value);
    });
  }

  /**
   * Applies the next record and stores the result. A record at or before {@link #applied} is a
   * defect of the caller.
   */
  public Outcome apply(Position position, Record record) {
    Position before = applied();
    if (position.index() <= before.index()) {
      throw new IllegalStateException("record " + position + " after " + before);
    }
    // Only this thread writes, so what was read is still true when the changes are committed.
    Step step = store.read(reader -> step(new Transaction(reader), reader, position, record));
    store.commit(step.transaction().changes());
    return step.outcome();
  }

  /**
   * Notes that the log is through up to here, where its last entries held no record.
   *
   * @param position not before {@link #applied}
   */
  public void note(Position position) {
    Transaction transaction =
        store.read(reader -> {
          Transaction made = new Transaction(reader);
          made.put(Table.META, Keys.FORMAT, Keys.number(FORMAT_VERSION));
          made.put(Table.META, Keys.APPLIED, position.bytes());
          return made;
        });
    store.commit(transaction.changes());
  }

  /** Answers queries on one unchanging version. */
  public <T> T query(Function<Queries, T> query) {
    return store.read(reader -> query.apply(new Queries(reader)));
  }

  private static Step step(
      Transaction transaction, Reader reader, Position position, Record record) {
    Outcome outcome = outcome(transaction, record);
    Transaction kept = outcome instanceof Refused ? new Transaction(reader) : transaction;
    if (kept.changesAny(Table.PINS)
        || kept.changesAny(Table.WARM_UPS)
        || kept.changesAny(Table.DISPUTES)) {
      kept.add(Keys.WORK, 1);
    }
    if (kept.changesAny(Table.DATASETS)
        || kept.changesAny(Table.SNAPSHOTS)
        || kept.changesAny(Table.TOMBSTONES)) {
      // An index and no count: coordinators that began to keep it at different times agree on it.
      kept.put(Table.META, Keys.DATASETS_AT, Keys.number(position.index()));
    }
    kept.put(Table.META, Keys.FORMAT, Keys.number(FORMAT_VERSION));
    kept.put(Table.META, Keys.APPLIED, position.bytes());
    return new Step(kept, outcome);
  }

  private static Outcome outcome(Transaction transaction, Record record) {
    return switch (record) {
      case Record.Join join -> Members.join(transaction, join.member());
      case Record.Leave leave -> Members.leave(transaction, leave.memberId());
      case Record.ChangeMembers change -> Members.change(transaction, change);
      case Record.PutCoordinator put -> putCoordinator(transaction, put);
      case Record.Holdings holdings -> Members.holdings(transaction, holdings);
      case Record.CreateDataset create -> DatasetRules.create(transaction, create);
      case Record.DeleteDataset delete -> DatasetRules.delete(transaction, delete);
      case Record.AddSnapshot add -> DatasetRules.addSnapshot(transaction, add);
      case Record.DeleteSnapshots delete -> DatasetRules.deleteSnapshots(transaction, delete);
      case Record.RecordRoots roots -> Roots.record(transaction, roots.roots());
      case Record.DisputeRoots claims -> Disputes.claim(transaction, claims);
      case Record.TendDisputes tend -> Disputes.tend(transaction, tend);
      case Record.PutPin put -> Pins.put(transaction, put);
      case Record.RemovePin remove -> Pins.remove(transaction, remove);
      case Record.MovePin move -> Pins.move(transaction, move);
      case Record.PutWarmUp put -> WarmUps.put(transaction, put);
      case Record.EndWarmUps end -> WarmUps.end(transaction, end);
      case Record.ExpirePins expire -> Pins.expire(transaction, expire.now());
      case Record.Together together -> together(transaction, together.records());
    };
  }

  private static Outcome together(Transaction transaction, List<Record> records) {
    List<Outcome> outcomes = new ArrayList<>();
    for (Record record : records) {
      Transaction own = new Transaction(transaction);
      Outcome outcome = outcome(own, record);
      if (!(outcome instanceof Refused)) {
        transaction.take(own);
      }
      outcomes.add(outcome);
    }
    return new Outcome.Together(outcomes);
  }

  private static Outcome putCoordinator(Transaction transaction, Record.PutCoordinator put) {
    if (put.address().isEmpty()) {
      transaction.delete(Table.COORDINATORS, Keys.text(put.id()));
    } else {
      transaction.put(Table.COORDINATORS, Keys.text(put.id()), Keys.text(put.address()));
    }
    return new Outcome.Removed(0);
  }

  private record Step(Transaction transaction, Outcome outcome) {}
}
