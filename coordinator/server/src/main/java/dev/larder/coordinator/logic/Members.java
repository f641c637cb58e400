package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.logic.v1.MemberValue;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * Members and what they hold. Changes gather and are published together; the epoch counts up when
 * the published list reads differently than before, never for a restart. Each holding stands twice,
 * by blob and by member.
 */
final class Members {
  private static final int GIB_BITS = 30;
  private static final long CAPACITY_SLACK = 10;

  private Members() {}

  static Outcome join(Transaction transaction, MemberInfo member) {
    put(transaction, member);
    return publish(transaction);
  }

  static Outcome leave(Transaction transaction, String id) {
    remove(transaction, id);
    return publish(transaction);
  }

  static Outcome change(Transaction transaction, Record.ChangeMembers change) {
    for (String id : change.leave()) {
      remove(transaction, id);
    }
    for (MemberInfo member : change.join()) {
      put(transaction, member);
    }
    for (String id : change.drain()) {
      if (!update(transaction, id, member -> member.toBuilder().setDraining(true).build())) {
        return unknown(id);
      }
    }
    for (String id : change.undrain()) {
      if (!update(transaction, id, member -> member.toBuilder().setDraining(false).build())) {
        return unknown(id);
      }
    }
    for (String id : change.stable()) {
      // Gone meanwhile is no fault: the leader decided on an older list.
      update(transaction, id, member -> member.toBuilder().setStable(true).build());
    }
    if (change.publish()) {
      return publish(transaction);
    }
    long epoch = transaction.number(Keys.EPOCH);
    return new Outcome.Epoch(epoch + transaction.number(Keys.UNPUBLISHED));
  }

  /**
   * What a member that says again who it is becomes. What a disk may hold moves a little at each
   * start; that alone is no change.
   */
  static MemberValue renewed(MemberValue old, MemberValue now) {
    long before = old.getCapacityBytes();
    boolean near = Math.abs(now.getCapacityBytes() - before) <= before / CAPACITY_SLACK;
    return now.toBuilder()
        .setJoinedAtMs(old.getJoinedAtMs())
        .setCapacityBytes(near ? before : now.getCapacityBytes())
        .setDraining(old.getDraining())
        .setStable(old.getStable())
        .setTracks(old.getTracks())
        .build();
  }

  private static void put(Transaction transaction, MemberInfo member) {
    byte[] key = Keys.text(member.id());
    byte[] known = transaction.get(Table.MEMBERS, key);
    MemberValue value = Values.of(member);
    if (known != null) {
      MemberValue old = Values.parse(MemberValue.parser(), known);
      value = renewed(old, value);
      if (value.equals(old)) {
        return;
      }
    } else {
      transaction.add(Counter.MEMBERS.key(), 1);
    }
    write(transaction, key, value);
  }

  private static void remove(Transaction transaction, String id) {
    byte[] key = Keys.text(id);
    if (!transaction.has(Table.MEMBERS, key)) {
      return;
    }
    for (byte[] row : transaction.keys(Table.HOLDINGS, Keys.owned(id))) {
      drop(transaction, id, Keys.keyOfHolding(row));
    }
    transaction.delete(Table.MEMBERS, key);
    transaction.add(Counter.MEMBERS.key(), -1);
    transaction.put(Table.META, Keys.UNPUBLISHED, Keys.number(1));
  }

  private static boolean update(
      Transaction transaction, String id, UnaryOperator<MemberValue> change) {
    byte[] known = transaction.get(Table.MEMBERS, Keys.text(id));
    if (known == null) {
      return false;
    }
    MemberValue old = Values.parse(MemberValue.parser(), known);
    MemberValue changed = change.apply(old);
    if (!changed.equals(old)) {
      write(transaction, Keys.text(id), changed);
    }
    return true;
  }

  private static void write(Transaction transaction, byte[] key, MemberValue value) {
    transaction.put(Table.MEMBERS, key, value.toByteArray());
    transaction.put(Table.META, Keys.UNPUBLISHED, Keys.number(1));
  }

  private static Outcome unknown(String id) {
    return new Outcome.Refused(ErrorCode.BAD_REQUEST, "there is no member \"" + id + "\"");
  }

  /**
   * Makes the members the list of the next epoch, where it reads differently. While no member is
   * stable all track: somebody must, and they came together.
   */
  private static Outcome publish(Transaction transaction) {
    transaction.put(Table.META, Keys.UNPUBLISHED, Keys.number(0));
    List<MemberValue> members = new ArrayList<>();
    transaction.scan(
        Table.MEMBERS,
        Keys.NONE,
        (key, value) -> members.add(Values.parse(MemberValue.parser(), value)));
    boolean nobodyStable = members.stream().noneMatch(m -> m.getStable() && !m.getDraining());
    TreeMap<String, byte[]> list = new TreeMap<>();
    for (MemberValue member : members) {
      boolean tracks = member.getTracks() || member.getStable() || nobodyStable;
      if (tracks != member.getTracks()) {
        transaction.put(
            Table.MEMBERS,
            Keys.text(member.getId()),
            member.toBuilder().setTracks(tracks).build().toByteArray());
      }
      long weight = tracks && !member.getDraining() ? weight(member.getCapacityBytes()) : 0;
      // What only the coordinator uses is left out: it is no reason for an epoch.
      MemberValue shown = member.toBuilder().clearStable().clearTracks().setWeight(weight).build();
      list.put(member.getId(), shown.toByteArray());
    }
    boolean changed = false;
    for (byte[] row : transaction.keys(Table.PUBLISHED, Keys.NONE)) {
      if (!list.containsKey(new String(row, StandardCharsets.UTF_8))) {
        transaction.delete(Table.PUBLISHED, row);
        changed = true;
      }
    }
    for (Map.Entry<String, byte[]> row : list.entrySet()) {
      byte[] key = Keys.text(row.getKey());
      if (!Arrays.equals(row.getValue(), transaction.get(Table.PUBLISHED, key))) {
        transaction.put(Table.PUBLISHED, key, row.getValue());
        changed = true;
      }
    }
    return new Outcome.Epoch(
        changed ? transaction.add(Keys.EPOCH, 1) : transaction.number(Keys.EPOCH));
  }

  private static long weight(long capacityBytes) {
    return Math.max(1, capacityBytes >> GIB_BITS);
  }

  static Outcome holdings(Transaction transaction, Record.Holdings report) {
    String id = report.memberId();
    if (!transaction.has(Table.MEMBERS, Keys.text(id))) {
      return new Outcome.Refused(
          ErrorCode.BAD_REQUEST, "member \"" + id + "\" has not joined; join first");
    }
    List<BlobKey> gone = new ArrayList<>(report.gone());
    if (report.complete()) {
      TreeSet<BlobKey> kept = new TreeSet<>(report.nowHolding());
      for (byte[] row : transaction.keys(Table.HOLDINGS, Keys.owned(id))) {
        BlobKey key = Keys.keyOfHolding(row);
        if (!kept.contains(key)) {
          gone.add(key);
        }
      }
    }
    int removed = 0;
    for (BlobKey key : gone) {
      removed += drop(transaction, id, key) ? 1 : 0;
    }
    for (BlobKey key : report.nowHolding()) {
      if (!transaction.has(Table.HOLDINGS, Keys.holding(id, key))) {
        transaction.put(Table.HOLDINGS, Keys.holding(id, key), Keys.NONE);
        transaction.put(Table.HOLDERS, Keys.holder(key, id), Keys.NONE);
        transaction.add(Counter.PLACEMENTS.key(), 1);
      }
    }
    return new Outcome.Removed(removed);
  }

  private static boolean drop(Transaction transaction, String id, BlobKey key) {
    if (!transaction.has(Table.HOLDINGS, Keys.holding(id, key))) {
      return false;
    }
    transaction.delete(Table.HOLDINGS, Keys.holding(id, key));
    transaction.delete(Table.HOLDERS, Keys.holder(key, id));
    transaction.add(Counter.PLACEMENTS.key(), -1);
    return true;
  }
}
