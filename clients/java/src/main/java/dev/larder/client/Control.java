package dev.larder.client;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Types of the control part of the client. */
public final class Control {
  private Control() {}

  /** Datasets, warm-ups, pins, status. Threads and errors as {@link LarderClient}. */
  public interface ControlApi {
    /** Defines a dataset and lists its origin; blocks until the first snapshot is there. */
    Dataset create(String name, String uri, Map<String, String> options, ListingListener listener);

    /** Lists the origin again. */
    Dataset refresh(String name, ListingListener listener);

    /** Forgets a dataset. */
    void delete(String name);

    /** Forgets one snapshot that is neither the newest nor pinned or mounted. */
    void deleteSnapshot(String name, long number);

    /**
     * Forgets all snapshots but the newest ones and those that are pinned or mounted.
     *
     * @param count how many of the newest stay, at least 1
     * @return numbers of those forgotten, ascending
     */
    List<Long> keepLast(String name, int count);

    /** All datasets by name. */
    List<Dataset> datasets();

    /** One dataset. */
    Dataset dataset(String name);

    /** Starts a warm-up of what matches. */
    Job warm(String snapshot, String glob);

    /** State of a job; empty when unknown. */
    Optional<Job> job(String id);

    /** Unfinished and recent jobs, newest first. */
    List<Job> jobs();

    /** Stops a job. */
    Job cancel(String id);

    /** Pins what matches, for ever. */
    default Pin pin(String snapshot, String glob) {
      return pin(snapshot, glob, Duration.ZERO);
    }

    /**
     * Pins what matches.
     *
     * @param ttl how long, on the coordinator's clock; zero for ever
     */
    Pin pin(String snapshot, String glob, Duration ttl);

    /** Takes pins away; returns how many there were. */
    int unpin(String snapshot, String glob);

    /**
     * Takes pins of a node away that is gone for good; returns how many there were.
     *
     * @param owner the node's id
     * @param snapshot empty for all its pins
     */
    int unpinOf(String owner, String snapshot, String glob);

    /** All pins: of this node, and of others where the coordinator answers. */
    List<Pin> pins();

    /**
     * Starts a warm-up over nodes; answers it as JSON text, see {@code docs/HTTP.md}.
     *
     * @param nodes which nodes: all, a number, names, zone=…, labels
     * @param ttl how long what was brought in is kept; zero: not kept, and seen to for as long as
     *     the coordinator is set to
     */
    String startWarmUp(String snapshot, String glob, String nodes, Duration ttl);

    /** Warm-ups over nodes as JSON text, newest first. */
    String warmUpsJson();

    /** One warm-up over nodes as JSON text. */
    String warmUpJson(String id);

    /** Ends a warm-up over nodes. */
    void cancelWarmUp(String id);

    /** Mounts a snapshot at a directory of the agent's host. */
    Mount mount(MountRequest request);

    /** Takes a mount away; mode is plain, lazy or force. */
    void unmount(String target, String mode);

    /** All mounts by target. */
    List<Mount> mounts();

    /**
     * Writes a snapshot's catalog again with its small files inside; returns how many there are.
     */
    long pack(String snapshot);

    /** The nodes of the cluster as JSON text, see {@code docs/HTTP.md}. */
    String nodesJson();

    /** Has a node track nothing any more, or, undone, lets it track again. */
    void drainNode(String id, boolean undo);

    /** Takes a node from the cluster; one that runs joins again. */
    void removeNode(String id);

    /** The coordinators as JSON text, see {@code docs/HTTP.md}. */
    String coordinatorsJson();

    /**
     * Takes one coordinator out and another, which waits to join, in; answers as {@link
     * #coordinatorsJson}.
     *
     * @param remove id of the one to go; empty to only add
     * @param add id of the one to come; empty to only remove
     * @param address host:port of its Raft door
     */
    String replaceCoordinator(String remove, String add, String address);

    /** The agent's status as JSON text, see {@code docs/HTTP.md}. */
    String statusJson();

    /** One entry as JSON with what is known of its origin and whether it is local. */
    String statJson(String dataset, String path);
  }

  /** Hears how far a listing is. */
  @FunctionalInterface
  public interface ListingListener {
    /** Objects and bytes listed so far. */
    void onProgress(long objects, long bytes);
  }

  /** A dataset; snapshots ascend. */
  public record Dataset(
      String name,
      String uri,
      Map<String, String> options,
      Instant createdAt,
      List<Snapshot> snapshots) {}

  /** A snapshot. */
  public record Snapshot(
      long number,
      String catalog,
      long files,
      long bytes,
      long skipped,
      Instant listedFrom,
      Instant listedTo) {}

  /** A warm-up; state is running, done, failed or cancelled. */
  public record Job(
      String id,
      String kind,
      String snapshot,
      String glob,
      String state,
      long files,
      long doneFiles,
      long bytes,
      long doneBytes,
      long failed,
      Optional<String> firstError,
      Instant startedAt,
      Optional<Instant> endedAt) {}

  /**
   * What to mount.
   *
   * @param snapshot name or name@number
   * @param target an absolute path
   * @param kind auto, kernel or tree
   */
  public record MountRequest(
      String snapshot,
      String target,
      boolean follow,
      boolean allowOther,
      boolean noExec,
      String kind) {}

  /** A mount; kind is kernel or tree, state is mounted, degraded, covered or gone. */
  public record Mount(
      String snapshot,
      String target,
      String kind,
      boolean follow,
      boolean packed,
      boolean complete,
      String state,
      Instant mountedAt) {}

  /**
   * A pin.
   *
   * @param expiresAt when it ends; never where absent
   * @param owner the node that keeps the files, or the id of the warm-up it keeps them for
   */
  public record Pin(
      String snapshot,
      String glob,
      long files,
      long bytes,
      Instant createdAt,
      Optional<Instant> expiresAt,
      String owner) {}
}
