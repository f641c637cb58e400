package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.logic.v1.RootValue;
import dev.larder.protocol.Trust;
import java.util.ArrayList;
import java.util.List;

/**
 * Roots of sealed blobs. The first root and size of a key stand for ever; the same ones sent as
 * verified raise an attested entry, and nothing lowers one. A different root is answered as a
 * conflict whatever its trust: who is right is found out by reading the origin again, not here.
 */
final class Roots {
  private Roots() {}

  static Outcome record(Transaction transaction, List<RecordedRoot> roots) {
    List<RecordedRoot> conflicts = new ArrayList<>();
    for (RecordedRoot root : roots) {
      byte[] key = root.key().binary();
      byte[] known = transaction.get(Table.ROOTS, key);
      if (known == null) {
        transaction.put(Table.ROOTS, key, Values.of(root).build().toByteArray());
        transaction.add(Counter.ROOTS.key(), 1);
        continue;
      }
      RootValue value = Values.parse(RootValue.parser(), known);
      RecordedRoot standing = Values.root(root.key(), value);
      if (!agrees(standing, root)) {
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

  static boolean agrees(RecordedRoot standing, RecordedRoot sent) {
    return standing.sizeBytes() == sent.sizeBytes() && standing.root().equals(sent.root());
  }
}
