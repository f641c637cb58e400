package dev.larder.coordinator.logic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.Samples;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Trust;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Roots that members do not agree on: who is asked, who is believed, what stands meanwhile. */
class DisputesTest {
  private static final BlobKey KEY = Samples.key(1);
  private static final Instant THEN = Instant.ofEpochMilli(1_700_000_000_000L);
  private static final Duration READ_FOR = Duration.ofMinutes(5);
  private static final Duration LASTS = Duration.ofDays(1);

  private final MemoryStateStore store = new MemoryStateStore();
  private final CoordinatorState state = new CoordinatorState(store);
  private long index;

  private Outcome apply(Record record) {
    Outcome outcome = state.apply(new Position(1, index++), record);
    assertEquals("", StateDump.faults(store));
    return outcome;
  }

  private void members(String... ids) {
    for (String id : ids) {
      apply(new Record.Join(Samples.member(id, "z")));
    }
  }

  private static RecordedRoot root(int root, String member, long readAgainFor) {
    return new RecordedRoot(KEY, 1000, Samples.digest(root), Trust.ATTESTED, member, readAgainFor);
  }

  private static RecordedRoot verified(int root, String member, long readAgainFor) {
    return new RecordedRoot(KEY, 1000, Samples.digest(root), Trust.VERIFIED, member, readAgainFor);
  }

  private List<RecordedRoot> claim(RecordedRoot... claims) {
    return claim(200, claims);
  }

  private List<RecordedRoot> claim(int openMax, RecordedRoot... claims) {
    Outcome outcome = apply(new Record.DisputeRoots(List.of(claims), THEN, openMax, 2));
    return ((Outcome.Conflicts) outcome).standing();
  }

  private void tend(Duration after) {
    Record.TendDisputes tend = new Record.TendDisputes(THEN.plus(after), READ_FOR, LASTS, 2);
    boolean isDue = state.query(queries -> queries.hasDisputesDue(tend));
    assertEquals(isDue, !new Outcome.Removed(0).equals(apply(tend)));
  }

  private Dispute only() {
    List<Dispute> all = state.query(queries -> queries.work("x", THEN)).disputes();
    assertEquals(1, all.size());
    return all.getFirst();
  }

  private Optional<RecordedRoot> standing() {
    return Optional.ofNullable(state.query(queries -> queries.roots(List.of(KEY))).get(KEY));
  }

  private void open() {
    apply(new Record.RecordRoots(List.of(root(1, "a", 0))));
    assertEquals(List.of(root(1, "a", 0)), claim(root(2, "b", 0)));
  }

  @Test
  void noRootStandsUntilAThirdMemberHasReadTheOriginAgain() {
    members("a", "b", "c");
    long version = state.query(Queries::workVersion);
    open();
    assertTrue(state.query(Queries::workVersion) > version, "all are told");
    assertEquals(Optional.empty(), standing());
    Dispute dispute = only();
    assertTrue(dispute.isOpen());
    assertEquals("c", dispute.reader());
    assertEquals(List.of(root(1, "a", 0), root(2, "b", 0)), dispute.claims());
    assertEquals(new CoordinatorStatus.Disputes(1, 0), state.query(Queries::disputes));
    // Whoever tells of a copy of either kind meanwhile is to set it aside; nothing is recorded.
    assertEquals(
        new Outcome.Conflicts(List.of(root(2, "b", 0))),
        apply(new Record.RecordRoots(List.of(root(1, "d", 0)))));
    assertEquals(List.of(root(2, "b", 0)), claim(root(1, "d", 0)));
    assertEquals(Optional.empty(), standing());

    claim(root(2, "c", dispute.number()));
    assertEquals(Optional.of(root(2, "b", 0)), standing());
    assertEquals(Optional.of(root(2, "b", 0)), only().settled());
    assertFalse(only().isOpen());
    assertEquals(new CoordinatorStatus.Disputes(0, 1), state.query(Queries::disputes));
    // Who was away tells of the copy that lost: that is a conflict and no new dispute.
    assertEquals(List.of(root(2, "b", 0)), claim(root(1, "e", 0)));
    assertFalse(only().isOpen());
    // A third root is a dispute again.
    claim(root(3, "e", 0));
    assertTrue(only().isOpen());
    assertEquals(2, only().number());
  }

  @Test
  void aPartyThatRepeatsItselfSettlesNothing() {
    members("a", "b");
    open();
    String first = only().reader();
    String second = first.equals("a") ? "b" : "a";
    int own = first.equals("a") ? 1 : 2;
    claim(root(own, first, 1));
    assertTrue(only().isOpen());
    assertEquals(second, only().reader());
    claim(root(own, second, 1));
    assertEquals(Optional.of(root(own, first, 0)), standing());
  }

  @Test
  void aMemberAloneIsBelievedWhenTheOriginSaysItAgain() {
    members("a");
    apply(new Record.RecordRoots(List.of(root(1, "a", 0))));
    claim(root(2, "a", 0));
    assertEquals("a", only().reader());
    claim(root(2, "a", 1));
    assertEquals(Optional.of(root(2, "a", 0)), standing());
  }

  @Test
  void nobodysWordOfTheOriginsChecksumIsEnoughAlone() {
    members("a", "b", "c", "d");
    open();
    String first = only().reader();
    claim(verified(9, first, 1));
    assertTrue(only().isOpen());
    claim(verified(9, only().reader(), 1));
    assertEquals(Optional.of(verified(9, first, 0)), standing());
  }

  @Test
  void anAnswerOfWhomNobodyAskedSettlesNothing() {
    members("a", "b", "c", "d");
    open();
    String unasked = only().reader().equals("c") ? "d" : "c";
    claim(verified(2, unasked, 1));
    claim(verified(2, "b", 1));
    assertTrue(only().isOpen());
    claim(root(1, only().reader(), 1));
    assertEquals(Optional.of(root(1, "a", 0)), standing());
  }

  @Test
  void anAttestedCopyDoesNotTakeAVerifiedRootAway() {
    members("a", "b", "c");
    apply(new Record.RecordRoots(List.of(verified(1, "a", 0))));
    assertEquals(List.of(verified(1, "a", 0)), claim(root(2, "b", 0)));
    assertEquals(Optional.of(verified(1, "a", 0)), standing());
    assertEquals(List.of(), state.query(queries -> queries.work("x", THEN)).disputes());
  }

  @Test
  void aKeyThatIsTheContentsDigestIsNeverDisputed() {
    members("a", "b", "c");
    BlobKey key = BlobKey.sha256(Samples.digest(5));
    RecordedRoot first = new RecordedRoot(key, 1000, Samples.digest(1), Trust.VERIFIED, "a");
    apply(new Record.RecordRoots(List.of(first)));
    claim(new RecordedRoot(key, 1000, Samples.digest(2), Trust.VERIFIED, "b"));
    assertEquals(List.of(), state.query(queries -> queries.work("x", THEN)).disputes());
    assertEquals(first, state.query(queries -> queries.roots(List.of(key))).get(key));
  }

  @Test
  void readersThatAgreeWithNobodyGiveWayToTheNext() {
    members("a", "b", "c", "d");
    open();
    List<String> readers = new ArrayList<>();
    readers.add(only().reader());
    claim(root(8, only().reader(), 1));
    readers.add(only().reader());
    assertEquals(List.of("c", "d"), readers.stream().sorted().toList());
    tend(READ_FOR.minusMillis(1));
    assertEquals(readers.getLast(), only().reader());
    tend(READ_FOR);
    assertTrue(List.of("a", "b").contains(only().reader()), "then the parties themselves");
    // Late, but it counts: two readings agree.
    claim(root(8, readers.getLast(), 1));
    assertEquals(Samples.digest(8), standing().orElseThrow().root());
  }

  @Test
  void aReaderThatLeftGivesWayAtOnce() {
    members("a", "b", "c", "d");
    open();
    String reader = only().reader();
    apply(new Record.Leave(reader));
    tend(Duration.ofSeconds(1));
    assertFalse(only().reader().equals(reader));
    assertFalse(only().reader().isEmpty());
  }

  @Test
  void whatNobodySettlesIsGivenUp() {
    members("a", "b", "c");
    open();
    tend(LASTS);
    assertFalse(only().isOpen());
    assertEquals(Optional.empty(), only().settled());
    assertEquals(Optional.empty(), standing());
    assertEquals(new CoordinatorStatus.Disputes(0, 0), state.query(Queries::disputes));
    // An answer that comes too late says nothing of what stands.
    claim(root(2, "c", 1));
    assertEquals(Optional.empty(), standing());
    apply(new Record.RecordRoots(List.of(root(1, "a", 0))));
    assertEquals(Optional.of(root(1, "a", 0)), standing());
  }

  @Test
  void beyondTheBoundTheFirstRootStands() {
    members("a", "b", "c");
    apply(new Record.RecordRoots(List.of(root(1, "a", 0))));
    assertEquals(List.of(root(1, "a", 0)), claim(0, root(2, "b", 0)));
    assertEquals(Optional.of(root(1, "a", 0)), standing());
    assertEquals(List.of(), state.query(queries -> queries.work("x", THEN)).disputes());
  }

  @Test
  void theNewestEndedOnesAreRemembered() {
    members("a", "b", "c");
    for (int n = 0; n < 5; n++) {
      BlobKey key = BlobKey.origin(Samples.digest(100 + n));
      RecordedRoot one = new RecordedRoot(key, 5, Samples.digest(1), Trust.ATTESTED, "a");
      RecordedRoot two = new RecordedRoot(key, 5, Samples.digest(2), Trust.ATTESTED, "b");
      apply(new Record.RecordRoots(List.of(one)));
      claim(two);
      claim(new RecordedRoot(key, 5, Samples.digest(1), Trust.ATTESTED, "c", n + 1));
    }
    List<Dispute> kept = state.query(queries -> queries.work("x", THEN)).disputes();
    assertEquals(List.of(4L, 5L), kept.stream().map(Dispute::number).sorted().toList());
    assertEquals(new CoordinatorStatus.Disputes(0, 5), state.query(Queries::disputes));
  }
}
