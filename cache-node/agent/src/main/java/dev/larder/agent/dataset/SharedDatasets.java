package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Datasets.SnapshotInfo;
import dev.larder.agent.dataset.Definition.KeptSnapshot;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.DatasetList;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/**
 * What a node changes so that its datasets are those of the cluster. Nothing is dropped because the
 * coordinator does not know it: only what it knows to be deleted.
 */
final class SharedDatasets {
  private SharedDatasets() {}

  /**
   * Changes to make.
   *
   * @param put definitions that are new or have other snapshots than here
   * @param deleted datasets that were deleted elsewhere
   * @param isFinal false where a snapshot stays only because it is used here: the same list means
   *     another change then once it is not
   */
  record Plan(List<Definition> put, List<DatasetName> deleted, boolean isFinal) {
    /** All there is to do. */
    Plan(List<Definition> put, List<DatasetName> deleted) {
      this(put, deleted, true);
    }
  }

  /**
   * Compares.
   *
   * @param here this node's definitions
   * @param there the cluster's
   * @param isKept whether this node still uses a snapshot, so that it stays
   */
  static Plan plan(
      Collection<Definition> here, DatasetList there, BiPredicate<DatasetName, Long> isKept) {
    Map<DatasetName, Definition> known = new HashMap<>();
    here.forEach(definition -> known.put(definition.name(), definition));
    List<Definition> put = new ArrayList<>();
    boolean isFinal = true;
    for (DatasetDefinition each : there.datasets()) {
      Definition mine = known.get(each.name());
      // A dataset whose first listing is still at work has nothing to show.
      if (mine == null && each.snapshots().isEmpty()) {
        continue;
      }
      Definition merged = merged(mine, each, isKept);
      Set<Long> listed = new HashSet<>();
      each.snapshots().forEach(snapshot -> listed.add(snapshot.number()));
      isFinal &=
          numbers(merged).stream()
              .allMatch(number -> listed.contains(number) || number > each.lastSnapshot());
      if (mine == null || !numbers(mine).equals(numbers(merged))) {
        put.add(merged);
      }
    }
    List<DatasetName> deleted =
        known.keySet().stream().filter(there.deleted()::contains).sorted().toList();
    return new Plan(put, deleted, isFinal);
  }

  /** What is said of a name; {@code away}: why the cluster could not be asked. */
  static LarderException unknown(DatasetName name, @Nullable LarderException away) {
    LarderException unknown =
        new LarderException(
            ErrorCode.UNKNOWN_DATASET,
            "there is no dataset "
                + name
                + (away == null ? "" : " on this node, and the coordinator cannot be asked"));
    if (away != null) {
      unknown.addSuppressed(away);
    }
    return unknown;
  }

  private static Definition merged(
      @Nullable Definition mine, DatasetDefinition theirs, BiPredicate<DatasetName, Long> isKept) {
    List<KeptSnapshot> snapshots = new ArrayList<>();
    Set<Long> listed = new HashSet<>();
    for (SnapshotDefinition each : theirs.snapshots()) {
      listed.add(each.number());
      KeptSnapshot own =
          mine == null ? null : mine.find(OptionalLong.of(each.number())).orElse(null);
      snapshots.add(own == null ? kept(each) : own);
    }
    if (mine != null) {
      for (KeptSnapshot own : mine.snapshots()) {
        long number = own.info().number();
        boolean isUnheardOf = number > theirs.lastSnapshot();
        if (!listed.contains(number) && (isUnheardOf || isKept.test(mine.name(), number))) {
          snapshots.add(own);
        }
      }
    }
    snapshots.sort(Comparator.comparingLong(each -> each.info().number()));
    return new Definition(
        theirs.name(),
        theirs.originUri(),
        new OriginOptions(theirs.originOptions()),
        theirs.createdAt(),
        snapshots);
  }

  private static KeptSnapshot kept(SnapshotDefinition snapshot) {
    NewSnapshot content = snapshot.content();
    return new KeptSnapshot(
        new SnapshotInfo(
            snapshot.number(),
            content.catalogKey(),
            content.files(),
            content.bytes(),
            content.skipped(),
            content.listedFrom(),
            content.listedTo()),
        content.catalogRoot(),
        content.catalogSizeBytes(),
        content.rootUri(),
        content.hasOwnUris());
  }

  private static List<Long> numbers(Definition definition) {
    return definition.snapshots().stream().map(each -> each.info().number()).toList();
  }
}
