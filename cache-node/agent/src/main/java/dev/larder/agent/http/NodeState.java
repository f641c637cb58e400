package dev.larder.agent.http;

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

  /** The coordinator's state. {@code term} and {@code appliedIndex} as last heard. */
  record CoordinatorState(boolean available, long term, long appliedIndex) {}
}
