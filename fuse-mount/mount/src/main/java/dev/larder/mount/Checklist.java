package dev.larder.mount;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Entry;
import dev.larder.mount.Completeness.Which;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.State;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The small or the large files of one snapshot against the store. A walk of the catalog stops at a
 * bounded number of missing files, and goes on there once these have come.
 *
 * <p><b>Threads:</b> any, one after another.
 */
final class Checklist {
  /** Holds a few hundred bytes each, and a walk is needed for so many fills. */
  static final int MISSING_MAX = 1024;

  private final Datasets datasets;
  private final BlobStore store;
  private final Losses losses;
  private final SnapshotRef snapshot;
  private final Which which;

  /**
   * Every entry before this number of the catalog's order is in the store or in {@code missing}.
   */
  private long position;

  private boolean isAtEnd;
  private long files;
  private final ArrayDeque<BlobKey> missing = new ArrayDeque<>();
  private long lossesSeen;

  /** More was lost than is known which: all has to be looked at again. */
  private boolean isStale;

  Checklist(Datasets datasets, BlobStore store, Losses losses, SnapshotRef snapshot, Which which) {
    this.datasets = datasets;
    this.store = store;
    this.losses = losses;
    this.snapshot = snapshot;
    this.which = which;
    this.lossesSeen = losses.count();
  }

  /** Whether all are there. */
  synchronized boolean isComplete() {
    noteLosses();
    while (!isAnyMissing()) {
      if (isStale) {
        isStale = false;
        isAtEnd = false;
        position = 0;
        files = 0;
      }
      if (isAtEnd) {
        return true;
      }
      walk();
    }
    return false;
  }

  /** Files that were looked at. */
  synchronized long files() {
    return files;
  }

  private void noteLosses() {
    long now = losses.count();
    if (now == lossesSeen) {
      return;
    }
    Optional<List<BlobKey>> lost = losses.since(lossesSeen);
    isStale |= lost.isEmpty();
    for (BlobKey key : lost.orElse(List.of())) {
      if (!isHere(key) && datasets.lists(snapshot, key)) {
        if (missing.size() < MISSING_MAX) {
          missing.addLast(key);
        } else {
          isStale = true;
        }
      }
    }
    lossesSeen = now;
  }

  private boolean isAnyMissing() {
    while (!missing.isEmpty() && isHere(missing.getFirst())) {
      missing.removeFirst();
    }
    return !missing.isEmpty();
  }

  private boolean isHere(BlobKey key) {
    return store.find(key).filter(info -> info.state() == State.SEALED).isPresent();
  }

  private void walk() {
    Walk walk = new Walk();
    try {
      datasets.walk(snapshot, "", walk::look);
      isAtEnd = true;
    } catch (Enough stop) {
      isAtEnd = false;
    }
    position = walk.at;
    files += walk.found;
    missing.addAll(walk.missing);
  }

  /** One pass over the catalog; what it found counts once it has ended. */
  private final class Walk {
    private long at;
    private long found;
    private final List<BlobKey> missing = new ArrayList<>();

    private void look(Entry entry) {
      if (at >= position && isWanted(entry)) {
        if (missing.size() == MISSING_MAX) {
          throw new Enough();
        }
        BlobKey key = entry.key().orElseThrow();
        if (!isHere(key)) {
          missing.add(key);
        }
        found++;
      }
      at++;
    }
  }

  private boolean isWanted(Entry entry) {
    return entry.key().isPresent()
        && entry.sizeBytes() > 0
        && Blocks.isSmall(entry.sizeBytes()) == (which == Which.SMALL);
  }

  /** Ends a walk. */
  private static final class Enough extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Enough() {
      super("enough", null, false, false);
    }
  }
}
