package dev.larder.coordinator.logic;

import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One entry of the Raft log: what somebody wants, with the time and the ids it shall have. Fields
 * are well-formed; whether the state allows it is decided when it is applied.
 */
public sealed interface Record {
  /** A member comes, or says again who it is; {@code joinedAt} counts if it is new. */
  record Join(MemberInfo member) implements Record {}

  /** A member goes, with its placements. */
  record Leave(String memberId) implements Record {}

  /**
   * What happened to members since; unlike {@link Join} and {@link Leave}, which count an epoch
   * each, changes gather here until one of these publishes them as the next epoch.
   *
   * @param join who comes or says again who it is; {@code joinedAt} counts if it is new
   * @param leave who goes, with placements
   * @param drain who shall track nothing any more
   * @param undrain who may track again
   * @param stable who was there long enough to track
   * @param publish whether the list as it is then becomes an epoch, where it reads differently
   * @param at when, for people
   */
  record ChangeMembers(
      List<MemberInfo> join,
      List<String> leave,
      List<String> drain,
      List<String> undrain,
      List<String> stable,
      boolean publish,
      Instant at)
      implements Record {}

  /** A coordinator says where its door is; with an empty address it has none any more. */
  record PutCoordinator(String id, String address) implements Record {}

  /** A dataset is defined; the same request id again answers what the first one made. */
  record CreateDataset(
      DatasetName name,
      String originUri,
      Map<String, String> originOptions,
      Instant createdAt,
      String requestId)
      implements Record {}

  /**
   * A dataset goes with snapshots and pins; repeating the request id is no error.
   *
   * @param tombstonesMax deleted names that stay, the last ones; 0 for all
   */
  record DeleteDataset(DatasetName name, String requestId, int tombstonesMax) implements Record {
    /** Of which all names stay. */
    public DeleteDataset(DatasetName name, String requestId) {
      this(name, requestId, 0);
    }
  }

  /** A snapshot gets the next number. */
  record AddSnapshot(DatasetName dataset, NewSnapshot snapshot) implements Record {}

  /** Snapshots go, all or none; numbers ascend. */
  record DeleteSnapshots(DatasetName dataset, List<Long> numbers) implements Record {}

  /** Roots of sealed blobs. */
  record RecordRoots(List<RecordedRoot> roots) implements Record {}

  /**
   * What members sealed, or read again, of keys whose roots are not agreed on.
   *
   * @param openMax beyond it no further dispute is opened
   * @param keptMax ended ones that stay, the newest
   */
  record DisputeRoots(List<RecordedRoot> claims, Instant now, int openMax, int keptMax)
      implements Record {}

  /**
   * Disputes that nobody settled for {@code readFor} get another reader; those older than {@code
   * lasts} are given up.
   */
  record TendDisputes(Instant now, Duration readFor, Duration lasts, int keptMax)
      implements Record {}

  /** What a member holds; {@code complete} replaces all that was known of it. */
  record Holdings(String memberId, List<BlobKey> nowHolding, List<BlobKey> gone, boolean complete)
      implements Record {}

  /** A pin; id and time count if it is new. */
  record PutPin(String id, NewPin pin, Instant createdAt) implements Record {}

  /** A pin goes. */
  record RemovePin(DatasetName dataset, long snapshot, String glob, String owner)
      implements Record {

    /** Of nobody in particular. */
    public RemovePin(DatasetName dataset, long snapshot, String glob) {
      this(dataset, snapshot, glob, "");
    }
  }

  /** A pin gets another owner. */
  record MovePin(DatasetName dataset, long snapshot, String glob, String from, String to)
      implements Record {}

  /** A warm-up over nodes; repeating the request id makes no second one. */
  record PutWarmUp(
      DatasetName dataset,
      long snapshot,
      String glob,
      String nodes,
      boolean pinned,
      Instant createdAt,
      Optional<Instant> expiresAt,
      String requestId)
      implements Record {}

  /**
   * Warm-ups end: the one of this number or, with 0, all whose end is not after this moment; then
   * ended ones go except for the newest {@code keptMax}.
   */
  record EndWarmUps(long number, Instant now, int keptMax) implements Record {}

  /**
   * What several callers want, in one entry of the log: applied one after another, each allowed or
   * refused for itself, stored at once.
   *
   * @param records of the kinds that {@link #canShareAnEntry} says
   */
  record Together(List<Record> records) implements Record {}

  /** Whether a record may stand in {@link Together}: what comes often, and changes no epoch. */
  default boolean canShareAnEntry() {
    return this instanceof RecordRoots || this instanceof Holdings;
  }

  /** All pins go whose end is not after this moment. */
  record ExpirePins(Instant now) implements Record {}
}
