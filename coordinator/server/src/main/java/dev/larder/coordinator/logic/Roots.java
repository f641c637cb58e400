package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.logic.v1.DisputeValue;
import dev.larder.coordinator.logic.v1.RootValue;
import dev.larder.protocol.Trust;
import java.util.ArrayList;
import java.util.List;

/**
 * Roots of sealed blobs. The first root and size of a key stand; the same ones sent as verified
 * raise an attested entry, and nothing lowers one. A different root is answered as a conflict
 * whatever its trust, and so is any root of a key in dispute: who is right is found out by reading
 * the origin again ({@link Disputes}), not here.
 */
final class Roots {
  private Roots() {}

  static Outcome record(Transaction transaction, List<RecordedRoot> roots) {
    List<RecordedRoot> conflicts = new ArrayList<>();
    for (RecordedRoot root : roots) {
      byte[] key = root.key().binary();
      byte[] known = transaction.get(Table.ROOTS, key);
      DisputeValue dispute = Disputes.open(transaction, root.key());
      if (dispute != null) {
        conflicts.add(Disputes.against(root.key(), dispute, root));
        continue;
      }
      if (known == null) {
        transaction.put(Table.ROOTS, key, Values.of(root).build().toByteArray());
        transaction.add(Counter.ROOTS.key(), 1);
        continue;
      }
      RootValue value = Values.parse(RootValue.parser(), known);
      RecordedRoot standing = Values.root(root.key(), value);
      if (!standing.agreesWith(root)) {
        conflicts.add(standing);
      } else if (root.trust() == Trust.VERIFIED && standing.trust() == Trust.ATTESTED) {
        transaction.put(
            Table.ROOTS,
            key,
            value.toBuilder().setTrust(Trust.VERIFIED.code()).build().toByteArray());
      }
    }
    return new Outcome.Conflicts(conflicts);
  }
}
