package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.DatasetList;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.Work;
import dev.larder.coordinator.logic.v1.DatasetValue;
import dev.larder.coordinator.logic.v1.MemberValue;
import dev.larder.coordinator.logic.v1.PinValue;
import dev.larder.coordinator.logic.v1.RootValue;
import dev.larder.coordinator.logic.v1.SnapshotValue;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Trust;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What the state answers, on one version of it. Lists come in the order of their keys. */
public final class Queries {
  private final Reader reader;

  Queries(Reader reader) {
    this.reader = reader;
  }

  /** The members and their epoch, as published. */
  public MemberList members() {
    List<MemberInfo> members = new ArrayList<>();
    reader.scan(
        Table.PUBLISHED,
        Keys.NONE,
        (key, value) -> members.add(Values.member(Values.parse(MemberValue.parser(), value))));
    return new MemberList(epoch(), members);
  }

  /** Members as they are now, published or not, and whether the present epoch says so. */
  public MemberFacts memberFacts() {
    List<MemberFacts.Fact> facts = new ArrayList<>();
    reader.scan(
        Table.MEMBERS,
        Keys.NONE,
        (key, value) -> {
          MemberValue member = Values.parse(MemberValue.parser(), value);
          return facts.add(new MemberFacts.Fact(member.getId(), member.getStable()));
        });
    return new MemberFacts(facts, isUnpublished());
  }

  /** Whether members changed since the present epoch. */
  public boolean isUnpublished() {
    // States of before lists were published have members and no such row.
    return reader.get(Table.META, Keys.UNPUBLISHED) == null
        ? number(Counter.MEMBERS.key()) > 0
        : number(Keys.UNPUBLISHED) != 0;
  }

  /** Whether joining would change nothing; a state that is behind may say no. */
  public boolean hasJoined(MemberInfo member) {
    byte[] known = reader.get(Table.MEMBERS, Keys.text(member.id()));
    if (known == null) {
      return false;
    }
    MemberValue old = Values.parse(MemberValue.parser(), known);
    return Members.renewed(old, Values.of(member)).equals(old);
  }

  /** Doors of the coordinators by id. */
  public Map<String, String> coordinators() {
    Map<String, String> doors = new LinkedHashMap<>();
    reader.scan(
        Table.COORDINATORS,
        Keys.NONE,
        (key, value) -> {
          doors.put(
              new String(key, StandardCharsets.UTF_8), new String(value, StandardCharsets.UTF_8));
          return true;
        });
    return doors;
  }

  /** Whether a report says nothing that does not stand here already. */
  public boolean isKnown(String memberId, HoldingReport report) {
    return report.complete()
        ? holdsExactly(memberId, report.nowHolding())
        : report.nowHolding().isEmpty() && report.gone().isEmpty() && isMember(memberId);
  }

  /** Whether a complete report of these keys would change nothing. */
  public boolean holdsExactly(String member, Collection<BlobKey> keys) {
    Set<BlobKey> expected = new HashSet<>(keys);
    int[] found = new int[1];
    boolean[] same = {isMember(member)};
    reader.scan(
        Table.HOLDINGS,
        Keys.owned(member),
        (row, value) -> {
          found[0]++;
          same[0] &= expected.contains(Keys.keyOfHolding(row));
          return same[0];
        });
    return same[0] && found[0] == expected.size();
  }

  /** Whether a member has joined and not left. */
  public boolean isMember(String id) {
    return reader.get(Table.MEMBERS, Keys.text(id)) != null;
  }

  /** The epoch of the list of members. */
  public long epoch() {
    return number(Keys.EPOCH);
  }

  /** One dataset. */
  public Optional<DatasetDefinition> dataset(DatasetName name) {
    byte[] value = reader.get(Table.DATASETS, Keys.text(name.text()));
    return value == null
        ? Optional.empty()
        : Optional.of(definition(Values.parse(DatasetValue.parser(), value)));
  }

  /** Whether adding a snapshot would answer the one that is there. */
  public boolean isNewest(DatasetName name, NewSnapshot snapshot) {
    return dataset(name)
        .flatMap(DatasetDefinition::newest)
        .filter(newest -> newest.content().catalogKey().equals(snapshot.catalogKey()))
        .isPresent();
  }

  /** Whether a pin of this dataset, snapshot, glob and owner stands. */
  public boolean isPinned(NewPin pin) {
    byte[] key = Keys.pin(pin.dataset().text(), pin.snapshot(), pin.glob(), pin.owner());
    return reader.get(Table.PINS, key) != null;
  }

  /** All datasets. */
  public List<DatasetDefinition> datasets() {
    List<DatasetDefinition> datasets = new ArrayList<>();
    reader.scan(
        Table.DATASETS,
        Keys.NONE,
        (key, value) -> datasets.add(definition(Values.parse(DatasetValue.parser(), value))));
    return datasets;
  }

  /** All datasets, and names that were deleted. */
  public DatasetList datasetList() {
    Set<DatasetName> deleted = new HashSet<>();
    reader.scan(
        Table.TOMBSTONES, Keys.NONE, (key, value) -> deleted.add(new DatasetName(Keys.name(key))));
    return new DatasetList(datasets(), deleted, datasetsRevision());
  }

  /** Roots of those keys that have one, in the order asked. */
  public Map<BlobKey, RecordedRoot> roots(Collection<BlobKey> keys) {
    Map<BlobKey, RecordedRoot> roots = new LinkedHashMap<>();
    for (BlobKey key : keys) {
      byte[] value = reader.get(Table.ROOTS, key.binary());
      if (value != null) {
        roots.put(key, Values.root(key, Values.parse(RootValue.parser(), value)));
      }
    }
    return roots;
  }

  /**
   * Whether recording these roots would change nothing and meet no conflict. Once true it stays
   * true, so a stale state may answer it.
   */
  public boolean hasAll(List<RecordedRoot> roots) {
    for (RecordedRoot root : roots) {
      byte[] value = reader.get(Table.ROOTS, root.key().binary());
      if (value == null) {
        return false;
      }
      RecordedRoot standing = Values.root(root.key(), Values.parse(RootValue.parser(), value));
      if (!standing.agreesWith(root)
          || (root.trust() == Trust.VERIFIED && standing.trust() != Trust.VERIFIED)) {
        return false;
      }
    }
    return true;
  }

  /** How many of these keys have no root yet. */
  public int withoutRoot(List<RecordedRoot> roots) {
    int count = 0;
    for (RecordedRoot root : roots) {
      count += reader.get(Table.ROOTS, root.key().binary()) == null ? 1 : 0;
    }
    return count;
  }

  /** How many of these a member was not known to hold. */
  public int newTo(String member, List<BlobKey> keys) {
    int count = 0;
    for (BlobKey key : keys) {
      count += reader.get(Table.HOLDINGS, Keys.holding(member, key)) == null ? 1 : 0;
    }
    return count;
  }

  /** Whether a dispute is to get another reader or to be given up. */
  public boolean hasDisputesDue(Record.TendDisputes record) {
    return number(Counter.DISPUTES.key()) > 0 && Disputes.isAnyDue(reader, record);
  }

  /** Disputes that are open, and those that were settled since the cluster began. */
  public CoordinatorStatus.Disputes disputes() {
    return new CoordinatorStatus.Disputes(
        number(Counter.DISPUTES.key()), number(Counter.DISPUTES_SETTLED.key()));
  }

  /** The entry of the log that changed datasets last; 0 where that is not known. */
  public long datasetsRevision() {
    return number(Keys.DATASETS_AT);
  }

  /** Ids of the members that hold a blob. */
  public List<String> holders(BlobKey key) {
    List<String> holders = new ArrayList<>();
    reader.scan(Table.HOLDERS, key.binary(), (row, value) -> holders.add(Keys.memberOfHolder(row)));
    return holders;
  }

  /** Pins that have not ended. */
  public List<PathPin> pins(Instant now) {
    List<PathPin> pins = new ArrayList<>();
    reader.scan(
        Table.PINS,
        Keys.NONE,
        (key, value) -> {
          PinValue pin = Values.parse(PinValue.parser(), value);
          if (!Pins.hasEnded(pin, now)) {
            pins.add(Values.pin(pin));
          }
          return true;
        });
    return pins;
  }

  /** Whether a pin stands that has ended. */
  public boolean hasEndedPins(Instant now) {
    boolean[] found = new boolean[1];
    reader.scan(
        Table.PINS,
        Keys.NONE,
        (key, value) -> {
          found[0] = Pins.hasEnded(Values.parse(PinValue.parser(), value), now);
          return !found[0];
        });
    return found[0];
  }

  /** Names the present state of pins, warm-ups and disputes; counts up when they change. */
  public long workVersion() {
    return number(Keys.WORK);
  }

  /** Warm-ups in the order they began, ended ones too. */
  public List<WarmUpJob> warmUps() {
    return WarmUps.all(reader, value -> true).stream().map(WarmUps::job).toList();
  }

  /** How many warm-ups stand. */
  public long warmUpsStanding() {
    return number(Counter.WARM_UPS.key());
  }

  /** Whether a warm-up stands whose time is over. */
  public boolean hasWarmUpsOver(Instant now) {
    return warmUpsStanding() > 0
        && !WarmUps.all(reader, value -> WarmUps.isOver(value, now)).isEmpty();
  }

  /** What a member is to bring in and keep. */
  public Work work(String memberId, Instant now) {
    return new Work(
        workVersion(),
        WarmUps.all(reader, value -> value.getEndedAtMs() == 0 && !WarmUps.isOver(value, now))
            .stream()
            .map(WarmUps::job)
            .toList(),
        pins(now).stream().filter(pin -> pin.pin().owner().equals(memberId)).toList(),
        Disputes.all(reader));
  }

  /** Row counts. */
  public Counts counts() {
    return new Counts(
        number(Counter.MEMBERS.key()),
        number(Counter.DATASETS.key()),
        number(Counter.SNAPSHOTS.key()),
        number(Counter.ROOTS.key()),
        number(Counter.PINS.key()),
        number(Counter.PLACEMENTS.key()),
        number(Counter.TOMBSTONES.key()));
  }

  /** How many snapshots a dataset has. */
  public long snapshotsOf(DatasetName name) {
    long[] count = new long[1];
    reader.scan(
        Table.SNAPSHOTS,
        Keys.owned(name.text()),
        (key, value) -> {
          count[0]++;
          return true;
        });
    return count[0];
  }

  DatasetDefinition definition(DatasetValue value) {
    List<SnapshotDefinition> snapshots = new ArrayList<>();
    reader.scan(
        Table.SNAPSHOTS,
        Keys.owned(value.getName()),
        (key, row) -> snapshots.add(Values.snapshot(Values.parse(SnapshotValue.parser(), row))));
    return new DatasetDefinition(
        new DatasetName(value.getName()),
        value.getOriginUri(),
        Values.map(value.getOriginOptionsList()),
        Instant.ofEpochMilli(value.getCreatedAtMs()),
        snapshots,
        value.getLastSnapshot());
  }

  private long number(byte[] key) {
    byte[] value = reader.get(Table.META, key);
    return value == null ? 0 : ByteBuffer.wrap(value).getLong();
  }

  /** Rows in the state. */
  public record Counts(
      long members,
      long datasets,
      long snapshots,
      long roots,
      long pins,
      long placements,
      long tombstones) {}
}
