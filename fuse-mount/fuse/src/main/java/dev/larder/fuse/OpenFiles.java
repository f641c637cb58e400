package dev.larder.fuse;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The blobs that are open, by row. {@link #use} takes no lock and allocates nothing; the rest is
 * called under the row's lock.
 */
final class OpenFiles {
  private static final int LEAF_BITS = 10;
  private static final int LEAF = 1 << LEAF_BITS;

  private final Rows rows;
  private final BlobNamespace blobs;
  private final AtomicReferenceArray<@Nullable AtomicReferenceArray<@Nullable OpenFile>> leaves;
  private final AtomicInteger size = new AtomicInteger();

  OpenFiles(Rows rows, BlobNamespace blobs) {
    this.rows = rows;
    this.blobs = blobs;
    this.leaves = new AtomicReferenceArray<>((rows.count() >> LEAF_BITS) + 1);
  }

  int size() {
    return size.get();
  }

  /** The row's blob for one use, to be ended by {@link OpenFile#endUse}; null when not open. */
  @Nullable OpenFile use(int row) {
    AtomicReferenceArray<@Nullable OpenFile> leaf = leaves.get(row >> LEAF_BITS);
    OpenFile file = leaf == null ? null : leaf.get(row & (LEAF - 1));
    return file != null && file.beginUse() ? file : null;
  }

  /** The row's blob, opened where it is not yet; throws what opening throws. */
  OpenFile open(int row) {
    AtomicReferenceArray<@Nullable OpenFile> leaf = leaf(row);
    OpenFile file = leaf.get(row & (LEAF - 1));
    if (file == null) {
      file = new OpenFile(blobs.open(rows.key(row)));
      if (file.blob().sizeBytes() != rows.sizeBytes(row)) {
        file.endUse();
        throw new IllegalStateException(
            rows.key(row) + " has another size than it was listed with");
      }
      leaf.set(row & (LEAF - 1), file);
      size.incrementAndGet();
    }
    return file;
  }

  /** Closes the row's blob when its last use ends. */
  void drop(int row) {
    AtomicReferenceArray<@Nullable OpenFile> leaf = leaf(row);
    OpenFile file = leaf.getAndSet(row & (LEAF - 1), null);
    if (file != null) {
      size.decrementAndGet();
      file.endUse();
    }
  }

  /** Closes all. */
  void dropAll() {
    for (int i = 0; i < leaves.length(); i++) {
      if (leaves.get(i) != null) {
        for (int row = i << LEAF_BITS; row < (i + 1) << LEAF_BITS; row++) {
          drop(row);
        }
      }
    }
  }

  private AtomicReferenceArray<@Nullable OpenFile> leaf(int row) {
    int at = row >> LEAF_BITS;
    AtomicReferenceArray<@Nullable OpenFile> leaf = leaves.get(at);
    while (leaf == null) {
      leaves.compareAndSet(at, null, new AtomicReferenceArray<>(LEAF));
      leaf = leaves.get(at);
    }
    return leaf;
  }

  /** One open blob and how many use it: the table itself, and reads at work. */
  static final class OpenFile {
    private final OpenedBlob blob;
    private final AtomicInteger users = new AtomicInteger(1);

    OpenFile(OpenedBlob blob) {
      this.blob = blob;
    }

    OpenedBlob blob() {
      return blob;
    }

    boolean beginUse() {
      int before;
      do {
        before = users.get();
        if (before == 0) {
          return false;
        }
      } while (!users.compareAndSet(before, before + 1));
      return true;
    }

    void endUse() {
      if (users.decrementAndGet() == 0) {
        blob.close();
      }
    }
  }
}
