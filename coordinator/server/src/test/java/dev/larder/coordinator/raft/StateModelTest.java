package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.larder.coordinator.logic.CoordinatorState;
import dev.larder.coordinator.logic.MemoryStateStore;
import dev.larder.coordinator.logic.Outcome;
import dev.larder.coordinator.logic.OutcomeCodec;
import dev.larder.coordinator.logic.Position;
import dev.larder.coordinator.logic.RandomRecords;
import dev.larder.coordinator.logic.Record;
import dev.larder.coordinator.logic.RecordCodec;
import dev.larder.coordinator.logic.StateDump;
import dev.larder.coordinator.logic.StateStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Random records: every store makes the same state, from wherever it goes on. */
class StateModelTest {
  private static final RocksLimits LIMITS = new RocksLimits(1 << 20, 1 << 20, 64, 2);
  private static final int RECORDS = 1_200;

  @TempDir Path directory;

  @Test
  void memoryAndRocksAgreeAndAnyPrefixCanBeContinued() {
    long seed = RandomRecords.seed();
    String hint = "-Dlarder.seed=" + seed;
    List<Record> records = new RandomRecords(seed).next(RECORDS);
    Random random = new Random(seed);
    int cut = random.nextInt(RECORDS);

    MemoryStateStore memory = new MemoryStateStore();
    List<Outcome> outcomes = applyAll(memory, records, 0);
    HandleLedger ledger = new HandleLedger();
    try (RocksStateStore rocks = RocksStateStore.open(directory.resolve("a"), LIMITS, ledger)) {
      List<Outcome> first = applyAll(rocks, records.subList(0, cut), 0);
      rocks.checkpoint(directory.resolve("snapshot"));
      first.addAll(applyAll(rocks, records.subList(cut, RECORDS), cut));
      assertEquals(outcomes, first, hint);
      assertEquals(StateDump.of(memory), StateDump.of(rocks), hint);
      assertEquals("", StateDump.faults(rocks), hint);
    }
    assertEquals(0, ledger.open());
    HandleLedger second = new HandleLedger();
    try (RocksStateStore copy =
        RocksStateStore.open(directory.resolve("snapshot"), LIMITS, second)) {
      assertEquals(cut - 1, new CoordinatorState(copy).applied().index(), hint);
      applyAll(copy, records.subList(cut, RECORDS), cut);
      assertEquals(StateDump.of(memory), StateDump.of(copy), hint);
    }
    assertEquals(0, second.open());
  }

  @Test
  void outcomesComeThroughTheirEncoding() {
    long seed = RandomRecords.seed();
    for (Outcome outcome :
        applyAll(new MemoryStateStore(), new RandomRecords(seed).next(RECORDS), 0)) {
      assertEquals(
          outcome,
          OutcomeCodec.decode(OutcomeCodec.encode(outcome)),
          () -> "-Dlarder.seed=" + seed);
    }
  }

  @Test
  void reopensWithEverythingCommitted() {
    long seed = RandomRecords.seed();
    List<Record> records = new RandomRecords(seed).next(300);
    MemoryStateStore memory = new MemoryStateStore();
    applyAll(memory, records, 0);
    for (int at = 0; at < 300; at += 100) {
      HandleLedger ledger = new HandleLedger();
      try (RocksStateStore rocks = RocksStateStore.open(directory.resolve("r"), LIMITS, ledger)) {
        assertEquals(at - 1, new CoordinatorState(rocks).applied().index());
        applyAll(rocks, records.subList(at, at + 100), at);
        if (at == 200) {
          assertEquals(StateDump.of(memory), StateDump.of(rocks), () -> "-Dlarder.seed=" + seed);
        }
      }
      assertEquals(0, ledger.open());
    }
  }

  @Test
  void togetherIsAsOneAfterAnother() {
    long seed = RandomRecords.seed();
    String hint = "-Dlarder.seed=" + seed;
    List<Record> records = new RandomRecords(seed).next(RECORDS);
    MemoryStateStore apart = new MemoryStateStore();
    List<Outcome> outcomes = applyAll(apart, records, 0);
    MemoryStateStore shared = new MemoryStateStore();
    CoordinatorState state = new CoordinatorState(shared);
    List<Outcome> answered = new ArrayList<>();
    Random random = new Random(seed);
    for (int from = 0; from < RECORDS; ) {
      int to = from;
      int most = from + random.nextInt(6);
      while (to < Math.min(most, RECORDS) && records.get(to).canShareAnEntry()) {
        to++;
      }
      if (to - from < 2) {
        answered.add(state.apply(new Position(1, from), records.get(from)));
        from++;
        continue;
      }
      Record together =
          RecordCodec.decode(
              RecordCodec.together(
                  records.subList(from, to).stream().map(RecordCodec::encode).toList()));
      Outcome.Together answer =
          assertInstanceOf(Outcome.Together.class, state.apply(new Position(1, to - 1), together));
      answered.addAll(answer.outcomes());
      from = to;
    }
    assertEquals(outcomes, answered, hint);
    assertEquals(StateDump.of(apart), StateDump.of(shared), hint);
  }

  /** Applies what the log would hand over: records that went through bytes. */
  private static List<Outcome> applyAll(StateStore store, List<Record> records, long from) {
    CoordinatorState state = new CoordinatorState(store);
    List<Outcome> outcomes = new ArrayList<>();
    long index = from;
    for (Record record : records) {
      Record read = RecordCodec.decode(RecordCodec.encode(record));
      assertEquals(record, read);
      outcomes.add(state.apply(new Position(1, index++), read));
    }
    return outcomes;
  }
}
