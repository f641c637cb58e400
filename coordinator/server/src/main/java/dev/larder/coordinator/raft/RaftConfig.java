package dev.larder.coordinator.raft;

import java.nio.file.Path;
import java.time.Duration;
import java.util.SortedMap;

/**
 * What one Raft server needs to know; values are checked where the coordinator's configuration is.
 *
 * @param directory holds {@code raft/} (log and snapshots) and {@code state/} (tables)
 * @param id this peer's id
 * @param host address to bind
 * @param port port to bind, 0 for any (only where there is one peer)
 * @param peers id to host:port of all peers, this one included; empty for one that joins a running
 *     group
 * @param electionTimeout longest wait for a leader's sign of life
 * @param snapshotEvery entries between snapshots
 * @param freeSpaceMinBytes space below which the log refuses to start
 * @param rocks bounds of the tables
 */
public record RaftConfig(
    Path directory,
    String id,
    String host,
    int port,
    SortedMap<String, String> peers,
    Duration electionTimeout,
    long snapshotEvery,
    long freeSpaceMinBytes,
    RocksLimits rocks) {

  /** Whether this is the only peer, with nobody to hear from. */
  boolean alone() {
    return peers.size() == 1;
  }
}
