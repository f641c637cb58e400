package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.logic.v1.MemberValue;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * Members and what they hold. The epoch counts up when the list of members reads differently than
 * before, never for a restart. Each holding stands twice, by blob and by member.
 */
final class Members {
  private Members() {}

  static Outcome join(Transaction transaction, MemberInfo member) {
    byte[] key = Keys.text(member.id());
    byte[] known = transaction.get(Table.MEMBERS, key);
    MemberValue value = Values.of(member);
    if (known != null) {
      MemberValue old = Values.parse(MemberValue.parser(), known);
      value = value.toBuilder().setJoinedAtMs(old.getJoinedAtMs()).build();
      if (value.equals(old)) {
        return new Outcome.Epoch(transaction.number(Keys.EPOCH));
      }
    } else {
      transaction.add(Counter.MEMBERS.key(), 1);
    }
    transaction.put(Table.MEMBERS, key, value.toByteArray());
    return new Outcome.Epoch(transaction.add(Keys.EPOCH, 1));
  }

  static Outcome leave(Transaction transaction, String id) {
    byte[] key = Keys.text(id);
    if (!transaction.has(Table.MEMBERS, key)) {
      return new Outcome.Epoch(transaction.number(Keys.EPOCH));
    }
    for (byte[] row : transaction.keys(Table.HOLDINGS, Keys.owned(id))) {
      drop(transaction, id, Keys.keyOfHolding(row));
    }
    transaction.delete(Table.MEMBERS, key);
    transaction.add(Counter.MEMBERS.key(), -1);
    return new Outcome.Epoch(transaction.add(Keys.EPOCH, 1));
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
