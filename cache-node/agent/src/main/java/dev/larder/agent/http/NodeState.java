package dev.larder.agent.http;

import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.MemberList;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the front door tells about the node beside its data.
 *
 * <p><b>Threads:</b> any, event loops too: answers come from memory and never wait.
 */
public interface NodeState {

  /** Why the node is not ready, as {@code part: reason}; empty when it is. */
  List<String> notReady();

  /** How the coordinator is seen from here. */
  CoordinatorState coordinator();

  /** The data directory, for people. */
  Path dataDirectory();

  /** Version of this build. */
  String version();

  /** When the process started to serve. */
  Instant startedAt();

  /** How long ago that was, whatever the wall clock did meanwhile. */
  Duration uptime();

  /** Datasets attached. */
  int datasets();

  /** Unfinished jobs. */
  int jobs();

  /**
   * The coordinators' state, as last heard.
   *
   * @param available whether the last call was answered
   * @param leaderId empty while there is none
   * @param coordinators how many there are
   * @param majority whether enough of them answer for changes
   * @param silent ids of those that the leader does not hear
   * @param members nodes of the cluster
   * @param epoch of the member list that this node has
   * @param used what the stores of all nodes hold, as far as they said
   */
  record CoordinatorState(
      boolean available,
      long term,
      long appliedIndex,
      String leaderId,
      long coordinators,
      boolean majority,
      List<String> silent,
      long members,
      long epoch,
      CoordinatorStatus.Used used) {
    /** Nothing is known. */
    public static final CoordinatorState NONE =
        new CoordinatorState(
            false, 0, 0, "", 0, false, List.of(), 0, 0, CoordinatorStatus.Used.NONE);

    /** Copies the list. */
    public CoordinatorState {
      silent = List.copyOf(silent);
    }
  }

  /**
   * What coordinators found amiss at themselves, by their ids; a few dozen at most. They are asked
   * where somebody wants to know, so this may wait for a second.
   */
  default List<CoordinatorCause> coordinatorCauses() {
    return List.of();
  }

  /**
   * What one coordinator found amiss at itself.
   *
   * @param coordinator its id
   * @param cause clock, snapshots, refused or full
   * @param detail what it is and what to do, for people
   */
  record CoordinatorCause(String coordinator, String cause, String detail) {}

  /** When the certificate that this node shows others ends; empty where it shows none. */
  default Optional<Instant> certificateEnd() {
    return Optional.empty();
  }

  /** Why the coordinator does not answer, for people; empty while it does. */
  default String coordinatorProblem() {
    return "";
  }

  /** The last list of members that this node was told; empty where there is none. */
  default MemberList lastMembers() {
    return new MemberList(0, List.of());
  }

  /** Blobs whose roots members do not agree on. */
  default Disputes disputes() {
    return Disputes.NONE;
  }

  /**
   * What members do not agree on.
   *
   * @param open disputes in which no root stands, in the order they began
   * @param settled those that ended with a root, since the cluster began
   * @param conflicts blobs of this node whose root was not the one recorded, since it started
   * @param lost copies of this node that were found wrong, since it started
   */
  record Disputes(List<Dispute> open, long settled, long conflicts, long lost) {
    /** Everybody agrees. */
    public static final Disputes NONE = new Disputes(List.of(), 0, 0, 0);
  }

  /** What other members gave. */
  default Peers peers() {
    return new Peers(0, 0, 0, 0, Map.of(), Map.of());
  }

  /**
   * What other members gave, since the start.
   *
   * @param bytes read from them
   * @param farBytes of those, from members of another zone, where both zones are known
   * @param keptBytes of all, whole blocks that were right
   * @param wrongBlocks blocks and digests of theirs that were not what they must be
   * @param left members that are left alone for a time now, and why: wrong, silent, gone or slow
   * @param silentTrackers trackers that did not answer lately, and with which code
   */
  record Peers(
      long bytes,
      long farBytes,
      long keptBytes,
      long wrongBlocks,
      Map<String, String> left,
      Map<String, String> silentTrackers) {
    /** Copies the maps. */
    public Peers {
      left = Map.copyOf(left);
      silentTrackers = Map.copyOf(silentTrackers);
    }
  }
}
