/**
 * Keeps the coordinator's state: a Ratis server, its log and snapshots, and the state's tables in
 * RocksDB. The only package of the coordinator that knows Ratis and RocksDB; their exceptions do
 * not leave it. Called by the server's wiring; Ratis' own threads apply and snapshot.
 */
@NullMarked
package dev.larder.coordinator.raft;

import org.jspecify.annotations.NullMarked;
