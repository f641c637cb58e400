package dev.larder.coordinator.api;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The coordinator as its callers see it, in this process or over gRPC; both behave alike.
 *
 * <p>A change that returned is durable on a majority of the coordinators. Reads are linearizable,
 * except {@link #holders} and {@link #members}' soft fields, which may be stale. A change that
 * failed with {@link ErrorCode#COORDINATOR_UNAVAILABLE} or {@link ErrorCode#DEADLINE} may or may
 * not have happened. Inside of a call changes are repeated without further effect; calling again
 * has none either, except that {@link #createDataset} then answers ALREADY_EXISTS and {@link
 * #deleteDataset} UNKNOWN_DATASET.
 *
 * <p><b>Threads:</b> any, virtual ones too; calls block for at most the configured deadline.
 * <b>Errors:</b> {@link LarderException}; besides what each method names: COORDINATOR_UNAVAILABLE
 * (not reachable, no quorum), DEADLINE, UNAUTHENTICATED, BAD_REQUEST (malformed or over a bound
 * that the message names), TOO_MANY (a configured bound), CLOSED, and CANCELLED when the caller's
 * thread is interrupted (the interrupt flag stays set).
 */
public interface CoordinatorClient extends AutoCloseable {

  /**
   * Registers a member or renews what is known of it. The epoch counts up only where the list of
   * members changes: a restart of a known member with the same facts changes none.
   *
   * @return the epoch of the list that holds the member: the present one, or the next to come
   */
  long join(MemberInfo member);

  /**
   * Takes a member and all its placements from the list; an unknown id is no error.
   *
   * @return the epoch of the list without the member: the present one, or the next to come
   */
  long leave(String memberId);

  /** The members of the present epoch, ordered by id. */
  MemberList members();

  /**
   * Has a member track nothing from the next epoch on, or, undone, lets it track again. It stays a
   * member and goes on reading until it leaves, which agents do when they are ended while drained;
   * a crash does not end it.
   *
   * @return the epoch of the list that says so: the present one, or the next to come
   * @throws LarderException BAD_REQUEST when there is no such member
   */
  long drain(String memberId, boolean undo);

  /**
   * Opens the stream on which one member reports what it holds.
   *
   * @param notices called from a thread of the client, in order, for each epoch the coordinator
   *     tells; must not block
   */
  Attendance attend(String memberId, AttendanceListener notices);

  /**
   * Defines a dataset with no snapshot yet. A name that was deleted before goes on counting its
   * snapshots where it stopped: {@code name@3} never means two things.
   *
   * @param originOptions references only (names of environment variables, files), never secrets
   * @throws LarderException ALREADY_EXISTS
   */
  DatasetDefinition createDataset(
      DatasetName name, String originUri, Map<String, String> originOptions);

  /**
   * One dataset with all its snapshots.
   *
   * @throws LarderException UNKNOWN_DATASET
   */
  DatasetDefinition dataset(DatasetName name);

  /** All datasets by name. */
  default List<DatasetDefinition> datasets() {
    return datasetList().datasets();
  }

  /** All datasets by name, and the names of those that were deleted. */
  DatasetList datasetList();

  /**
   * The same where it changed since.
   *
   * @param revision of the list at hand; 0 for none
   * @return empty where that one still stands
   */
  default Optional<DatasetList> datasetsSince(long revision) {
    return Optional.of(datasetList());
  }

  /**
   * Forgets a dataset, its snapshots and its pins.
   *
   * @throws LarderException UNKNOWN_DATASET
   */
  void deleteDataset(DatasetName name);

  /**
   * Adds a snapshot and gives it the next number. Adding the newest snapshot's catalog key again
   * answers the snapshot that is there.
   *
   * @throws LarderException UNKNOWN_DATASET
   */
  SnapshotDefinition addSnapshot(DatasetName dataset, NewSnapshot snapshot);

  /**
   * Forgets snapshots by their numbers: all of them or, when refused, none. Numbers the dataset
   * does not have are passed over, so that calling again is of no further effect. Numbers are never
   * given out twice.
   *
   * @return the dataset as it is then
   * @throws LarderException UNKNOWN_DATASET; BAD_REQUEST naming the snapshot that is the newest or
   *     that a pin names
   */
  DatasetDefinition deleteSnapshots(DatasetName dataset, Collection<Long> numbers);

  /**
   * Records roots of sealed blobs, any number (sent in batches). The first root of a key wins; the
   * same root sent as verified raises an attested one.
   *
   * @return the roots that stand where another root or size was sent; empty when all agreed
   */
  List<RecordedRoot> recordRoots(List<RecordedRoot> roots);

  /** The recorded roots of these keys, any number; unknown keys are left out. */
  Map<BlobKey, RecordedRoot> roots(Collection<BlobKey> keys);

  /** Members that hold a blob complete, ordered by id; may be stale. */
  List<String> holders(BlobKey key);

  /**
   * Pins a part of a dataset. The same dataset, snapshot, glob and owner make the same pin: its
   * expiry and figures are replaced, its id and age stay.
   *
   * @throws LarderException UNKNOWN_DATASET also for a snapshot that does not exist
   */
  default PathPin pin(NewPin pin) {
    return pin(pin, Duration.ZERO);
  }

  /**
   * The same, ending after a time from the coordinator's now.
   *
   * @param ttl zero: when the pin says
   */
  PathPin pin(NewPin pin, Duration ttl);

  /**
   * Removes the pin of this dataset, snapshot (0: the one that follows the newest), glob and owner.
   *
   * @return whether there was one
   */
  boolean unpin(DatasetName dataset, long snapshot, String glob, String owner);

  /** The same for a pin without owner. */
  default boolean unpin(DatasetName dataset, long snapshot, String glob) {
    return unpin(dataset, snapshot, glob, "");
  }

  /**
   * Gives a pin to another owner; where that one has the same pin already, the later end counts.
   *
   * @return whether it was the first owner's; else nothing changed
   */
  boolean movePin(NewPin pin, String toOwner);

  /** Pins of all datasets, ordered by dataset, snapshot and glob; expired ones are left out. */
  List<PathPin> pins();

  /**
   * Starts a warm-up over nodes.
   *
   * @throws LarderException UNKNOWN_DATASET also for a snapshot that does not exist
   */
  WarmUpJob warmUp(NewWarmUp wish);

  /**
   * Ends a warm-up; one that ended before stays as it ended.
   *
   * @throws LarderException NO_SUCH_PATH when there is none with this id
   */
  WarmUpJob cancelWarmUp(String id);

  /** Warm-ups that stand and those that ended lately, newest first, with what nodes said last. */
  List<WarmUpOverview> warmUps();

  /** What a member is to bring in and keep. */
  Work work(String memberId);

  /** Counts and the state of the group, as the asked coordinator sees them. */
  CoordinatorStatus status();

  /**
   * What each coordinator that this client was told of says of the group and of itself, all asked
   * at the same moment. One that says nothing in time, or refuses, is left out.
   *
   * @param wait longest for all of them together; a coordinator in this process answers by itself
   * @throws LarderException CLOSED, CANCELLED; silence of all of them is an empty list
   */
  default List<CoordinatorStatus> statusOfEach(Duration wait) {
    return List.of(status());
  }

  /** The coordinators, ordered by id; the leader also knows how the others do. */
  List<CoordinatorPeer> coordinators();

  /**
   * Takes a coordinator out of the group and another in, in one step. The new one must run, with
   * {@code coordinator.join} and an empty directory. Returns when it has caught up; doing it again
   * has no further effect.
   *
   * @param removeId who goes; empty to only add
   * @param addId who comes; empty to only remove
   * @param addRaftAddress host:port of its Raft door
   * @return the coordinators then
   * @throws LarderException BAD_REQUEST for ids that do not fit the group
   */
  List<CoordinatorPeer> replaceCoordinator(String removeId, String addId, String addRaftAddress);

  /** Ends streams and connections; idempotent. */
  @Override
  void close();

  /** One member's open stream of reports. */
  interface Attendance extends AutoCloseable {
    /**
     * Sends what changed and waits until the coordinator has made it durable.
     *
     * @throws LarderException the stream is over: open a new one and send a complete report first
     */
    void report(HoldingReport report);

    /**
     * Whether it is time for a new stream: its connection is old, or a certificate of either end is
     * renewed or over. Until then nothing is wrong with this one.
     */
    default boolean isDue() {
      return false;
    }

    /** Ends the stream; idempotent. */
    @Override
    void close();
  }

  /** Hears from the coordinator on an open stream. */
  interface AttendanceListener {
    /** The epoch of the list this side has; 0 for none. Asked when the stream opens. */
    default long knownEpoch() {
      return 0;
    }

    /**
     * How the list changed, where the coordinator still knows what this side had; {@link #epoch}
     * with the same epoch follows.
     */
    default void members(MemberChange change) {}

    /** The list of members is now this epoch's; ask {@link #members} for it. */
    void epoch(long epoch);

    /** Pins and warm-ups are now those of this version; ask {@link #work} for them. */
    default void work(long version) {}

    /** The stream broke; called at most once and not after {@link Attendance#close}. */
    void ended(LarderException cause);
  }
}
