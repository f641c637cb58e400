package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.logic.v1.DisputeValue;
import dev.larder.coordinator.logic.v1.MemberValue;
import dev.larder.coordinator.logic.v1.RootValue;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Trust;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Keys whose roots members do not agree on. Opening one takes the recorded root away and names a
 * member that reads the origin again; what it read settles which root stands.
 */
final class Disputes {
  /*
   * Who is believed. A reading counts from the member that is named for it, else where two that are no
   * party read the same, as one that answers late may have. It settles the dispute when it agrees with what another member sealed or read: two members that read the origin
   * apart from each other do not come to the same wrong bytes. Nobody's word is enough alone, also
   * where it says that the origin's checksum was right. A party that only repeats what it sealed
   * itself settles nothing, unless it is the only party there is.
   *
   * What is disputed. Who has an attested copy does not take a verified root away, and a key that is
   * the content's own digest needs no dispute: each member checks its content against it.
   *
   * Who reads. Members that are no party come first, those that drain last; where nobody settles it,
   * one after the other is named, the parties too: a cluster of two has no third.
   */
  /** What stays of claims that no reading agreed with; an origin that lies each time makes many. */
  private static final int CLAIMS_MAX = 16;

  private Disputes() {}

  static Outcome claim(Transaction transaction, Record.DisputeRoots record) {
    List<RecordedRoot> against = new ArrayList<>();
    for (RecordedRoot claim : record.claims()) {
      DisputeValue open = open(transaction, claim.key());
      if (open != null) {
        add(transaction, record, open, claim).ifPresent(against::add);
      } else {
        begin(transaction, record, claim).ifPresent(against::add);
      }
    }
    return new Outcome.Conflicts(against);
  }

  /** The dispute of a key in which no root stands yet. */
  static @Nullable DisputeValue open(Reader reader, BlobKey key) {
    DisputeValue value = of(reader, key);
    return value == null || value.getEndedAtMs() != 0 ? null : value;
  }

  /** What a sender hears whose key is disputed. */
  static RecordedRoot against(BlobKey key, DisputeValue open, RecordedRoot sent) {
    List<RecordedRoot> claims = claims(key, open);
    return claims.stream()
        .filter(claim -> !claim.agreesWith(sent))
        .findFirst()
        .orElseGet(claims::getFirst);
  }

  static Outcome tend(Transaction transaction, Record.TendDisputes record) {
    int changed = 0;
    for (Row row : rows(transaction, value -> isDue(transaction, value, record))) {
      long openFor = record.now().toEpochMilli() - row.value().getOpenedAtMs();
      if (openFor >= record.lasts().toMillis()) {
        end(transaction, row.key(), row.value(), Optional.empty(), record.now(), record.keptMax());
      } else {
        put(transaction, row.key(), named(transaction, row.key(), row.value(), record.now()));
      }
      changed++;
    }
    return new Outcome.Removed(changed);
  }

  /** Whether tending would change something. */
  static boolean isAnyDue(Reader reader, Record.TendDisputes record) {
    return !rows(reader, value -> isDue(reader, value, record)).isEmpty();
  }

  /** Open ones and those that ended, in the order of their keys. */
  static List<Dispute> all(Reader reader) {
    return rows(reader, value -> true).stream().map(Disputes::dispute).toList();
  }

  private static Optional<RecordedRoot> begin(
      Transaction transaction, Record.DisputeRoots record, RecordedRoot claim) {
    byte[] key = claim.key().binary();
    byte @Nullable [] known = transaction.get(Table.ROOTS, key);
    if (claim.readAgainFor() != 0) {
      // An answer that came too late: it was settled or given up meanwhile.
      return Optional.empty();
    }
    if (known == null) {
      Roots.record(transaction, List.of(claim));
      return Optional.empty();
    }
    RecordedRoot standing = Values.root(claim.key(), Values.parse(RootValue.parser(), known));
    if (standing.agreesWith(claim)) {
      return Optional.empty();
    }
    boolean isFull = transaction.number(Counter.DISPUTES.key()) >= record.openMax();
    if (isFull || lostBefore(transaction, claim) || isDecided(standing, claim)) {
      return Optional.of(standing);
    }
    transaction.delete(Table.ROOTS, key);
    transaction.add(Counter.ROOTS.key(), -1);
    transaction.add(Counter.DISPUTES.key(), 1);
    DisputeValue opened =
        DisputeValue.newBuilder()
            .setNumber(transaction.add(Keys.DISPUTES_MADE, 1))
            .addClaims(Values.of(standing))
            .addClaims(Values.of(claim))
            .setOpenedAtMs(record.now().toEpochMilli())
            .build();
    put(transaction, claim.key(), named(transaction, claim.key(), opened, record.now()));
    return Optional.of(standing);
  }

  /** Whether a claim is too weak to doubt the root that stands, or its key says who is right. */
  private static boolean isDecided(RecordedRoot standing, RecordedRoot claim) {
    return claim.key().kind() == BlobKey.Kind.SHA256
        || (standing.trust() == Trust.VERIFIED && claim.trust() == Trust.ATTESTED);
  }

  /** Who was away while it was settled tells of its copy late: that opens nothing again. */
  private static boolean lostBefore(Reader reader, RecordedRoot claim) {
    DisputeValue last = of(reader, claim.key());
    return last != null
        && last.hasSettled()
        && claims(claim.key(), last).stream().anyMatch(claim::agreesWith)
        && !Values.root(claim.key(), last.getSettled()).agreesWith(claim);
  }

  /** What stands against a copy; nothing for a reading. */
  private static Optional<RecordedRoot> add(
      Transaction transaction, Record.DisputeRoots record, DisputeValue open, RecordedRoot claim) {
    List<RecordedRoot> claims = claims(claim.key(), open);
    boolean isReading = claim.readAgainFor() == open.getNumber();
    boolean isNamed = isReading && claim.memberId().equals(open.getReader());
    if (claim.readAgainFor() != 0 && !isReading) {
      // Of a dispute that is over.
      return Optional.empty();
    }
    boolean isNew =
        claims.stream()
            .noneMatch(each ->
                each.agreesWith(claim)
                    && each.memberId().equals(claim.memberId())
                    && each.readAgainFor() == claim.readAgainFor());
    DisputeValue told =
        isNew && claims.size() < CLAIMS_MAX
            ? open.toBuilder().addClaims(Values.of(claim)).build()
            : open;
    if (isReading && (isNamed ? settles(claims, claim) : isSecond(claims, claim))) {
      end(
          transaction,
          claim.key(),
          told,
          Optional.of(winner(claims, claim)),
          record.now(),
          record.keptMax());
    } else if (isNamed) {
      put(transaction, claim.key(), named(transaction, claim.key(), told, record.now()));
    } else if (told != open) {
      put(transaction, claim.key(), told);
    }
    return isReading ? Optional.empty() : Optional.of(against(claim.key(), open, claim));
  }

  private static boolean settles(List<RecordedRoot> claims, RecordedRoot read) {
    boolean isOnlyParty =
        claims.stream().allMatch(claim -> claim.memberId().equals(read.memberId()));
    return claims.stream()
        .filter(read::agreesWith)
        .anyMatch(claim -> isOnlyParty || !claim.memberId().equals(read.memberId()));
  }

  /** Whether a reading nobody waits for now says what another one did, both of no party. */
  private static boolean isSecond(List<RecordedRoot> claims, RecordedRoot read) {
    List<String> parties =
        claims.stream()
            .filter(claim -> claim.readAgainFor() == 0)
            .map(RecordedRoot::memberId)
            .toList();
    return !parties.contains(read.memberId())
        && claims.stream()
            .filter(claim -> claim.readAgainFor() == read.readAgainFor())
            .filter(claim -> claim.agreesWith(read) && !parties.contains(claim.memberId()))
            .anyMatch(claim -> !claim.memberId().equals(read.memberId()));
  }

  private static RecordedRoot winner(List<RecordedRoot> claims, RecordedRoot read) {
    List<RecordedRoot> agreeing = claims.stream().filter(claim -> claim.agreesWith(read)).toList();
    boolean isVerified =
        read.trust() == Trust.VERIFIED
            || agreeing.stream().anyMatch(claim -> claim.trust() == Trust.VERIFIED);
    return new RecordedRoot(
        read.key(),
        read.sizeBytes(),
        read.root(),
        isVerified ? Trust.VERIFIED : Trust.ATTESTED,
        agreeing.isEmpty() ? read.memberId() : agreeing.getFirst().memberId());
  }

  private static void end(
      Transaction transaction,
      BlobKey key,
      DisputeValue open,
      Optional<RecordedRoot> settled,
      Instant now,
      int keptMax) {
    // A clock may say 1970; what ended must read so.
    DisputeValue.Builder ended =
        open.toBuilder().setEndedAtMs(Math.max(1, now.toEpochMilli())).setReader("");
    transaction.add(Counter.DISPUTES.key(), -1);
    settled.ifPresent(root -> {
      transaction.put(Table.ROOTS, key.binary(), Values.of(root).build().toByteArray());
      transaction.add(Counter.ROOTS.key(), 1);
      transaction.add(Counter.DISPUTES_SETTLED.key(), 1);
      ended.setSettled(Values.of(root));
    });
    put(transaction, key, ended.build());
    List<Row> over = rows(transaction, value -> value.getEndedAtMs() != 0);
    over.sort(Comparator.comparingLong(row -> row.value().getNumber()));
    for (Row row : over.subList(0, Math.max(0, over.size() - keptMax))) {
      transaction.delete(Table.DISPUTES, row.key().binary());
    }
  }

  /** With the next reader; with none where there is no member. */
  private static DisputeValue named(
      Transaction transaction, BlobKey key, DisputeValue open, Instant now) {
    List<String> parties =
        claims(key, open).stream()
            .filter(claim -> claim.readAgainFor() == 0)
            .map(RecordedRoot::memberId)
            .distinct()
            .toList();
    TreeMap<Integer, List<String>> ranks = new TreeMap<>();
    transaction.scan(
        Table.MEMBERS,
        Keys.NONE,
        (row, bytes) -> {
          MemberValue member = Values.parse(MemberValue.parser(), bytes);
          int rank = parties.contains(member.getId()) ? 2 : member.getDraining() ? 1 : 0;
          return ranks.computeIfAbsent(rank, none -> new ArrayList<>()).add(member.getId());
        });
    List<String> order = new ArrayList<>();
    // Each dispute begins with another member, so that many at once are many members' work.
    ranks.values().forEach(rank -> order.addAll(rotated(rank, open.getNumber())));
    String reader = order.isEmpty() ? "" : order.get(open.getNamed() % order.size());
    return open.toBuilder()
        .setReader(reader)
        .setNamed(order.isEmpty() ? 0 : open.getNamed() + 1)
        .setNamedAtMs(now.toEpochMilli())
        .build();
  }

  private static List<String> rotated(List<String> members, long by) {
    int first = (int) (by % members.size());
    List<String> out = new ArrayList<>(members.subList(first, members.size()));
    out.addAll(members.subList(0, first));
    return out;
  }

  private static boolean isDue(Reader reader, DisputeValue value, Record.TendDisputes record) {
    long now = record.now().toEpochMilli();
    return value.getEndedAtMs() == 0
        && (now - value.getNamedAtMs() >= record.readFor().toMillis()
            || now - value.getOpenedAtMs() >= record.lasts().toMillis()
            || (!value.getReader().isEmpty()
                && reader.get(Table.MEMBERS, Keys.text(value.getReader())) == null));
  }

  private static @Nullable DisputeValue of(Reader reader, BlobKey key) {
    byte @Nullable [] row = reader.get(Table.DISPUTES, key.binary());
    return row == null ? null : Values.parse(DisputeValue.parser(), row);
  }

  private static void put(Transaction transaction, BlobKey key, DisputeValue value) {
    transaction.put(Table.DISPUTES, key.binary(), value.toByteArray());
  }

  private static List<RecordedRoot> claims(BlobKey key, DisputeValue value) {
    return value.getClaimsList().stream().map(claim -> Values.root(key, claim)).toList();
  }

  private static List<Row> rows(Reader reader, Predicate<DisputeValue> which) {
    List<Row> found = new ArrayList<>();
    reader.scan(
        Table.DISPUTES,
        Keys.NONE,
        (key, bytes) -> {
          DisputeValue value = Values.parse(DisputeValue.parser(), bytes);
          if (which.test(value)) {
            found.add(new Row(BlobKey.ofBinary(key), value));
          }
          return true;
        });
    return found;
  }

  private static Dispute dispute(Row row) {
    DisputeValue value = row.value();
    return new Dispute(
        value.getNumber(),
        claims(row.key(), value),
        value.getReader(),
        Instant.ofEpochMilli(value.getOpenedAtMs()),
        value.getEndedAtMs() == 0
            ? Optional.empty()
            : Optional.of(Instant.ofEpochMilli(value.getEndedAtMs())),
        value.hasSettled()
            ? Optional.of(Values.root(row.key(), value.getSettled()))
            : Optional.empty());
  }

  private record Row(BlobKey key, DisputeValue value) {}
}
