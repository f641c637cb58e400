package dev.larder.agent.dataset;

import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.SnapshotRef;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The datasets this agent knows: changes go through the coordinator, definitions and catalogs are
 * kept locally so that reads need nobody.
 *
 * <p><b>Threads:</b> any; calls may block. <b>Errors:</b> LarderException: UNKNOWN_DATASET,
 * NO_SUCH_PATH, WRONG_TYPE, ALREADY_EXISTS, BAD_ORIGIN, ORIGIN_*, COORDINATOR_UNAVAILABLE (changes
 * only).
 */
public interface Datasets {

  /**
   * Defines a dataset, lists its origin, writes the first catalog. On a failing listing nothing is
   * left defined.
   */
  DatasetInfo create(
      DatasetName name, String uri, OriginOptions options, Consumer<ListingProgress> progress);

  /** Lists the origin again; a new snapshot where something changed, else the newest as it is. */
  DatasetInfo refresh(DatasetName name, Consumer<ListingProgress> progress);

  /**
   * Forgets a dataset with all its snapshots; its blobs become ordinary candidates for eviction.
   */
  void delete(DatasetName name);

  /**
   * Forgets one snapshot, here and at the coordinator; its catalog becomes an ordinary candidate
   * for eviction. BAD_REQUEST for the newest and for one that is pinned or mounted.
   *
   * @param snapshot with a number
   */
  void deleteSnapshot(SnapshotRef snapshot);

  /**
   * Forgets all snapshots but the newest ones and those that are pinned or mounted.
   *
   * @param count how many of the newest stay, at least 1
   * @return numbers of those forgotten, ascending
   */
  List<Long> keepLast(DatasetName name, int count);

  /** All datasets by name. */
  List<DatasetInfo> list();

  /** One dataset with all its snapshots. */
  DatasetInfo get(DatasetName name);

  /** What stands at a path of a snapshot; the empty path is the root. */
  Entry stat(SnapshotRef snapshot, String path);

  /**
   * Entries of a directory in bytewise order.
   *
   * @param after name to go on behind, or empty to start
   * @param limit most entries to return, at least 1
   */
  List<Entry> list(SnapshotRef snapshot, String path, Optional<String> after, int limit);

  /**
   * Visits every file whose path matches a glob ({@code *}, {@code ?}, {@code **}, {@code [..]},
   * {@code {a,b}}; empty means all) in bytewise order.
   */
  void walk(SnapshotRef snapshot, String glob, Consumer<Entry> visitor);

  /**
   * What stands in a directory of a snapshot and below it; takes time with the number of files
   * there, not with the snapshot's.
   *
   * @param path of a directory; empty for the root
   */
  default Totals totals(SnapshotRef snapshot, String path) {
    long[] sums = new long[2];
    walk(
        snapshot,
        "",
        file -> {
          if (path.isEmpty() || file.path().startsWith(path + "/")) {
            sums[0]++;
            sums[1] += file.sizeBytes();
          }
        });
    return new Totals(sums[0], sums[1]);
  }

  /** Whether a file of a snapshot has these bytes. */
  boolean lists(SnapshotRef snapshot, BlobKey key);

  /** The source of a file's bytes, fixed to the snapshot's version. */
  BlobSource source(SnapshotRef snapshot, Entry file);

  /** A source for a key that some attached dataset's catalog lists, tried in name order. */
  Optional<BlobSource> sourceOf(BlobKey key);

  /** The snapshot a reference means now: its number and when it was listed. */
  SnapshotInfo resolve(SnapshotRef snapshot);

  /** A dataset and its snapshots, ascending; the newest last. */
  record DatasetInfo(
      DatasetName name,
      String uri,
      OriginOptions options,
      Instant createdAt,
      List<SnapshotInfo> snapshots) {}

  /** One snapshot. */
  record SnapshotInfo(
      long number,
      BlobKey catalog,
      long files,
      long bytes,
      long skipped,
      Instant listedFrom,
      Instant listedTo) {}

  /**
   * A file, directory or symbolic link of a snapshot.
   *
   * @param path from the root, no leading slash; empty for the root
   * @param key set for files
   */
  record Entry(
      String path,
      Type type,
      long sizeBytes,
      Instant mtime,
      Optional<BlobKey> key,
      Optional<String> version,
      Optional<String> linkTarget) {

    /** The last part of the path. */
    public String name() {
      return path.substring(path.lastIndexOf('/') + 1);
    }
  }

  /**
   * Sums of a directory.
   *
   * @param files files and symbolic links
   */
  record Totals(long files, long bytes) {}

  /** Kinds of entry. */
  enum Type {
    /** Bytes. */
    FILE,
    /** Has entries of its own. */
    DIRECTORY,
    /** Points to another path of the snapshot. */
    SYMLINK
  }

  /** How far a listing is. */
  record ListingProgress(long objects, long bytes) {}
}
