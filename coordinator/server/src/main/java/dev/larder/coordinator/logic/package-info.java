/**
 * The coordinator's decisions, pure: records in, state changes and outcomes out. Nothing here knows
 * a clock, a thread, Raft or RocksDB; times and ids arrive inside of records and tables are walked
 * in the order of their keys, so that every coordinator makes the same state. {@link
 * dev.larder.coordinator.logic.CoordinatorState} is called by one writer; reads come from any
 * thread.
 */
@NullMarked
package dev.larder.coordinator.logic;

import org.jspecify.annotations.NullMarked;
