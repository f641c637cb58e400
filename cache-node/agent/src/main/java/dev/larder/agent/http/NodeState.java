package dev.larder.agent.http;

import dev.larder.coordinator.api.MemberList;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

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
   * @param members nodes of the cluster
   * @param epoch of the member list that this node has
   */
  record CoordinatorState(
      boolean available,
      long term,
      long appliedIndex,
      String leaderId,
      long coordinators,
      boolean majority,
      long members,
      long epoch) {}

  /** Why the coordinator does not answer, for people; empty while it does. */
  default String coordinatorProblem() {
    return "";
  }

  /** The last list of members that this node was told; empty where there is none. */
  default MemberList lastMembers() {
    return new MemberList(0, List.of());
  }

  /** Bytes read from other members since the start. */
  default long peerBytes() {
    return 0;
  }
}
