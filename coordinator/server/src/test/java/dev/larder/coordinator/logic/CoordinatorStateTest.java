package dev.larder.coordinator.logic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.Samples;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Single rules of the state machine. */
class CoordinatorStateTest {
  private static final DatasetName NAME = new DatasetName("data");
  private static final Instant THEN = Instant.ofEpochMilli(1_000);

  private final MemoryStateStore store = new MemoryStateStore();
  private final CoordinatorState state = new CoordinatorState(store);
  private long index;

  private Outcome apply(Record record) {
    Outcome outcome = state.apply(new Position(1, index++), record);
    assertEquals("", StateDump.faults(store));
    return outcome;
  }

  private Queries.Counts counts() {
    return state.query(Queries::counts);
  }

  private void create(String request) {
    assertInstanceOf(
        Outcome.Defined.class,
        apply(new Record.CreateDataset(NAME, "file:///a", Map.of(), THEN, request)));
  }

  private long add(long n) {
    return assertInstanceOf(
            Outcome.Added.class, apply(new Record.AddSnapshot(NAME, Samples.snapshot(n))))
        .snapshot()
        .number();
  }

  private static void assertRefused(ErrorCode code, Outcome outcome) {
    assertEquals(code, assertInstanceOf(Outcome.Refused.class, outcome).code());
  }

  @Test
  void numbersOfADeletedDatasetAreNeverUsedAgain() {
    create("r1");
    assertEquals(1, add(1));
    assertEquals(2, add(2));
    assertEquals(2, add(2));
    apply(new Record.DeleteDataset(NAME, "r2"));
    assertTrue(state.query(q -> q.dataset(NAME)).isEmpty());
    create("r3");
    assertEquals(2, state.query(q -> q.dataset(NAME)).orElseThrow().lastSnapshot());
    assertEquals(3, add(2));
    apply(new Record.DeleteDataset(NAME, "r4"));
    create("r5");
    assertEquals(4, add(2));
  }

  @Test
  void oldSnapshotsGoAllOrNone() {
    assertRefused(ErrorCode.UNKNOWN_DATASET, apply(new Record.DeleteSnapshots(NAME, List.of(1L))));
    create("r1");
    for (int n = 1; n <= 5; n++) {
      assertEquals(n, add(n));
    }
    apply(new Record.PutPin("p1", new NewPin(NAME, 2, "a/*", Optional.empty()), THEN));
    apply(new Record.PutPin("p2", new NewPin(NAME, 0, "", Optional.empty()), THEN));
    assertRefused(ErrorCode.BAD_REQUEST, apply(new Record.DeleteSnapshots(NAME, List.of(1L, 2L))));
    assertRefused(ErrorCode.BAD_REQUEST, apply(new Record.DeleteSnapshots(NAME, List.of(1L, 5L))));
    assertEquals(5, counts().snapshots());
    Outcome.Defined left =
        assertInstanceOf(
            Outcome.Defined.class, apply(new Record.DeleteSnapshots(NAME, List.of(1L, 3L, 99L))));
    assertEquals(
        List.of(2L, 4L, 5L), left.dataset().snapshots().stream().map(s -> s.number()).toList());
    assertEquals(left.dataset(), state.query(q -> q.dataset(NAME)).orElseThrow());
    assertEquals(left, apply(new Record.DeleteSnapshots(NAME, List.of(1L, 3L, 99L))));
    assertEquals(3, counts().snapshots());
    assertEquals(2, counts().pins());
    assertRefused(
        ErrorCode.UNKNOWN_DATASET,
        apply(new Record.PutPin("p3", new NewPin(NAME, 3, "", Optional.empty()), THEN)));
    assertEquals(6, add(1));
    apply(new Record.RemovePin(NAME, 2, "a/*"));
    apply(new Record.DeleteSnapshots(NAME, List.of(2L)));
    assertEquals(3, counts().snapshots());
  }

  @Test
  void repeatedRequestsAnswerAsTheFirst() {
    create("r1");
    create("r1");
    assertRefused(
        ErrorCode.ALREADY_EXISTS,
        apply(new Record.CreateDataset(NAME, "file:///a", Map.of(), THEN, "r2")));
    assertRefused(
        ErrorCode.ALREADY_EXISTS,
        apply(new Record.CreateDataset(NAME, "file:///a", Map.of(), THEN, "")));
    apply(new Record.DeleteDataset(NAME, "r3"));
    assertEquals(new Outcome.Removed(0), apply(new Record.DeleteDataset(NAME, "r3")));
    assertRefused(ErrorCode.UNKNOWN_DATASET, apply(new Record.DeleteDataset(NAME, "r4")));
    assertRefused(ErrorCode.UNKNOWN_DATASET, apply(new Record.DeleteDataset(NAME, "")));
    // A late repeat of the creation does not undo the deletion by another caller.
    create("r1");
    assertTrue(state.query(q -> q.dataset(NAME)).isEmpty());
  }

  @Test
  void theFirstRootStandsAndTrustOnlyRises() {
    RecordedRoot attested = Samples.root(1, 1, Trust.ATTESTED);
    RecordedRoot verified = Samples.root(1, 1, Trust.VERIFIED);
    RecordedRoot other = Samples.root(1, 2, Trust.VERIFIED);
    assertEquals(
        new Outcome.Conflicts(List.of()), apply(new Record.RecordRoots(List.of(attested))));
    assertEquals(
        new Outcome.Conflicts(List.of(attested)), apply(new Record.RecordRoots(List.of(other))));
    apply(new Record.RecordRoots(List.of(verified)));
    apply(new Record.RecordRoots(List.of(attested)));
    assertEquals(
        Map.of(verified.key(), verified), state.query(q -> q.roots(List.of(verified.key()))));
    boolean hasBoth = state.query(q -> q.hasAll(List.of(attested, verified)));
    assertTrue(hasBoth);
    boolean hasOther = state.query(q -> q.hasAll(List.of(other)));
    assertFalse(hasOther);
  }

  @Test
  void epochCountsMembershipChangesOnly() {
    assertEquals(new Outcome.Epoch(1), apply(new Record.Join(Samples.member("a", "z1"))));
    assertEquals(new Outcome.Epoch(1), apply(new Record.Join(Samples.member("a", "z1"))));
    assertEquals(new Outcome.Epoch(2), apply(new Record.Join(Samples.member("b", "z1"))));
    assertEquals(new Outcome.Epoch(3), apply(new Record.Join(Samples.member("a", "z2"))));
    assertEquals(new Outcome.Epoch(3), apply(new Record.Leave("nobody")));
    assertEquals(new Outcome.Epoch(4), apply(new Record.Leave("b")));
    assertEquals(
        List.of("a"), state.query(q -> q.members().members().stream().map(m -> m.id()).toList()));
  }

  private long change(boolean publish, UnaryOperator<Changes> more) {
    Changes c = more.apply(new Changes());
    Outcome outcome =
        apply(
            new Record.ChangeMembers(c.join, c.leave, c.drain, c.undrain, c.stable, publish, THEN));
    return assertInstanceOf(Outcome.Epoch.class, outcome).epoch();
  }

  private static final class Changes {
    private final List<MemberInfo> join = new ArrayList<>();
    private final List<String> leave = new ArrayList<>();
    private final List<String> drain = new ArrayList<>();
    private final List<String> undrain = new ArrayList<>();
    private final List<String> stable = new ArrayList<>();

    Changes join(String... ids) {
      for (String id : ids) {
        join.add(Samples.member(id, "z1"));
      }
      return this;
    }

    Changes stable(String... ids) {
      stable.addAll(List.of(ids));
      return this;
    }
  }

  private String list() {
    MemberList list = state.query(Queries::members);
    StringBuilder text = new StringBuilder().append(list.epoch());
    list.members()
        .forEach(
            m -> text.append(' ').append(m.id()).append('=').append(m.state()).append(m.weight()));
    return text.toString();
  }

  @Test
  void changesGatherUntilOneEpochSaysThemAll() {
    assertEquals(1, change(false, c -> c.join("a")));
    assertEquals(1, change(false, c -> c.join("b")));
    assertEquals("0", list(), "nothing is published yet");
    assertEquals(1, change(true, c -> c.join("c")));
    assertEquals("1 a=ACTIVE1024 b=ACTIVE1024 c=ACTIVE1024", list());
    assertEquals(1, change(true, c -> c), "nothing changed");
    assertEquals(1, change(true, c -> c.join("a")), "a restart is no change");
  }

  @Test
  void whatADiskMayHoldMovesALittleWithoutAnEpoch() {
    change(true, c -> c.join("a"));
    MemberInfo base = Samples.member("a", "z1");
    for (long capacity : new long[] {(1L << 40) + (1L << 36), (1L << 40) - (1L << 36)}) {
      MemberInfo moved =
          MemberInfo.joining("a", base.address(), base.zone(), base.labels(), capacity);
      boolean same = state.query(q -> q.hasJoined(moved));
      assertTrue(same);
      apply(
          new Record.ChangeMembers(
              List.of(moved), List.of(), List.of(), List.of(), List.of(), true, THEN));
      assertEquals("1 a=ACTIVE1024", list());
    }
    MemberInfo larger =
        MemberInfo.joining("a", base.address(), base.zone(), base.labels(), 1L << 41);
    apply(
        new Record.ChangeMembers(
            List.of(larger), List.of(), List.of(), List.of(), List.of(), true, THEN));
    assertEquals("2 a=ACTIVE2048", list());
  }

  @Test
  void newcomersTrackAtOnceOnlyWhileNobodyIsStable() {
    change(true, c -> c.join("a"));
    change(true, c -> c.join("b"));
    assertEquals("2 a=ACTIVE1024 b=ACTIVE1024", list());
    change(true, c -> c.stable("a"));
    assertEquals("2 a=ACTIVE1024 b=ACTIVE1024", list(), "who tracks goes on, and no epoch");
    change(true, c -> c.join("c"));
    assertEquals("3 a=ACTIVE1024 b=ACTIVE1024 c=JOINING0", list());
    change(true, c -> c.stable("c", "nobody"));
    assertEquals("4 a=ACTIVE1024 b=ACTIVE1024 c=ACTIVE1024", list());
  }

  @Test
  void drainedMembersTrackNothingAndARestartDoesNotEndIt() {
    change(true, c -> c.join("a", "b").stable("a"));
    change(
        true,
        c -> {
          c.drain.add("a");
          return c;
        });
    assertEquals("2 a=DRAINING0 b=ACTIVE1024", list());
    change(true, c -> c.join("a", "c"));
    assertEquals("3 a=DRAINING0 b=ACTIVE1024 c=ACTIVE1024", list(), "no stable one tracks");
    change(
        true,
        c -> {
          c.undrain.add("a");
          return c;
        });
    assertEquals("4 a=ACTIVE1024 b=ACTIVE1024 c=ACTIVE1024", list());
    change(
        true,
        c -> {
          c.leave.add("a");
          return c;
        });
    assertEquals("5 b=ACTIVE1024 c=ACTIVE1024", list());
    assertRefused(
        ErrorCode.BAD_REQUEST,
        apply(
            new Record.ChangeMembers(
                List.of(), List.of(), List.of("a"), List.of(), List.of(), true, THEN)));
  }

  @Test
  void placementsFollowReportsAndGoWithTheMember() {
    assertRefused(
        ErrorCode.BAD_REQUEST,
        apply(new Record.Holdings("a", List.of(Samples.key(1)), List.of(), false)));
    apply(new Record.Join(Samples.member("a", "")));
    apply(new Record.Join(Samples.member("b", "")));
    apply(new Record.Holdings("a", List.of(Samples.key(1), Samples.key(2)), List.of(), false));
    apply(new Record.Holdings("b", List.of(Samples.key(2)), List.of(), false));
    assertEquals(List.of("a", "b"), state.query(q -> q.holders(Samples.key(2))));
    apply(new Record.Holdings("a", List.of(Samples.key(2), Samples.key(3)), List.of(), true));
    assertEquals(List.of(), state.query(q -> q.holders(Samples.key(1))));
    assertEquals(List.of("a"), state.query(q -> q.holders(Samples.key(3))));
    apply(new Record.Leave("a"));
    assertEquals(List.of("b"), state.query(q -> q.holders(Samples.key(2))));
    assertEquals(1, counts().placements());
  }

  @Test
  void pinsAreOnePerPlaceAndEndByARecord() {
    NewPin pin = new NewPin(NAME, 0, "a/*", Optional.of(Instant.ofEpochMilli(2_000)));
    assertRefused(ErrorCode.UNKNOWN_DATASET, apply(new Record.PutPin("p1", pin, THEN)));
    create("r1");
    apply(new Record.PutPin("p1", pin, THEN));
    NewPin later = new NewPin(NAME, 0, "a/*", Optional.of(Instant.ofEpochMilli(3_000)));
    Outcome.Pinned again =
        assertInstanceOf(
            Outcome.Pinned.class,
            apply(new Record.PutPin("p2", later, Instant.ofEpochMilli(1_500))));
    assertEquals("p1", again.pin().id());
    assertEquals(THEN, again.pin().createdAt());
    assertEquals(later, again.pin().pin());
    assertEquals(List.of(), state.query(q -> q.pins(Instant.ofEpochMilli(3_000))));
    assertEquals(1, counts().pins());
    assertEquals(new Outcome.Removed(0), apply(new Record.ExpirePins(Instant.ofEpochMilli(2_999))));
    assertEquals(new Outcome.Removed(1), apply(new Record.ExpirePins(Instant.ofEpochMilli(3_000))));
    apply(new Record.PutPin("p3", new NewPin(NAME, 0, "", Optional.empty()), THEN));
    apply(new Record.DeleteDataset(NAME, "r2"));
    assertEquals(0, counts().pins());
  }

  @Test
  void appliesEachEntryOnce() {
    create("r1");
    assertThrows(
        IllegalStateException.class, () -> state.apply(new Position(1, 0), new Record.Leave("a")));
  }

  @Test
  void refusesAStateOfANewerLarder() {
    NavigableMap<byte[], Optional<byte[]>> rows = new TreeMap<>(java.util.Arrays::compareUnsigned);
    rows.put(Keys.FORMAT, Optional.of(Keys.number(2)));
    store.commit(new TreeMap<>(Map.of(Table.META, rows)));
    LarderException refused =
        assertThrows(LarderException.class, () -> new CoordinatorState(store));
    assertEquals(ErrorCode.STORE_UNUSABLE, refused.code());
  }
}
