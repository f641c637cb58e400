package dev.larder.coordinator.raft;

import dev.larder.coordinator.logic.CoordinatorState;
import dev.larder.coordinator.logic.Position;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the state's tables, the snapshots and the log together at start.
 *
 * <p>Tables that open and are not behind the newest snapshot are taken as they are. Damaged or
 * older ones are set aside ({@code state.damaged}, the last one is kept) and replaced by the newest
 * snapshot whose files match its manifest, or by nothing where the log still starts at its first
 * entry. Where the log does not reach back far enough, starting would lose acknowledged changes: it
 * is refused; so it is where {@link DivergenceMark} is set.
 */
final class StateRecovery {
  private static final Logger log = LoggerFactory.getLogger(StateRecovery.class);
  private static final Pattern SEGMENT = Pattern.compile("log_(?:inprogress_)?(\\d+)(?:-\\d+)?");

  private final Path tables;
  private final SnapshotDirectory snapshots;
  private final RocksLimits limits;
  private final DivergenceMark mark;

  StateRecovery(Path tables, SnapshotDirectory snapshots, RocksLimits limits) {
    this.tables = tables;
    this.snapshots = snapshots;
    this.limits = limits;
    this.mark = new DivergenceMark(tables);
  }

  /** Has each later {@link #open} refuse; durable when it returns. */
  void diverged(String how) throws IOException {
    mark.set(how);
  }

  /** Open tables and the state machine on them. */
  record Recovered(RocksStateStore store, CoordinatorState state, HandleLedger ledger) {}

  /**
   * Opens the state.
   *
   * @param segments Ratis' directory of log segments
   * @param alone whether this is the only peer, so that nobody else could bring what is missing
   */
  Recovered open(Path segments, boolean alone) throws IOException {
    mark.check();
    OptionalLong logStart = logStart(segments);
    Recovered recovered = openTables();
    Position wanted =
        snapshots.newest().map(SnapshotDirectory.Found::position).orElse(Position.NONE);
    if (recovered == null || recovered.state().applied().index() < wanted.index()) {
      if (recovered != null) {
        recovered.store().close();
      }
      recovered = restore();
    }
    try {
      check(recovered.state().applied(), logStart, alone);
      long covered = snapshots.newest().map(found -> found.position().index()).orElse(-1L);
      if (logStart.isPresent() && covered + 1 < logStart.getAsLong()) {
        // Ratis replays from its latest snapshot, so there must be one where the log starts.
        snapshots.take(recovered.store(), recovered.state().applied());
      }
      return recovered;
    } catch (IOException | RuntimeException e) {
      recovered.store().close();
      throw e;
    }
  }

  private void check(Position applied, OptionalLong logStart, boolean alone) {
    if (logStart.isPresent() && applied.index() + 1 < logStart.getAsLong()) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          "the coordinator's state in "
              + tables
              + " ends at entry "
              + applied.index()
              + ", its log starts at "
              + logStart.getAsLong()
              + " and no intact snapshot fills the gap; "
              + (alone
                  ? "restore coordinator/ from a backup, or move it away to start with no datasets"
                  : "replace it by a new one (larder coordinators replace)"));
    }
    if (alone && logStart.isEmpty() && applied.index() >= 0) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          "the coordinator's log beside "
              + tables
              + " is gone while its state ends at entry "
              + applied.index()
              + "; restore coordinator/ from a backup, or move it away to start with no datasets");
    }
  }

  private @Nullable Recovered openTables() throws IOException {
    HandleLedger ledger = new HandleLedger();
    RocksStateStore store = null;
    try {
      store = RocksStateStore.open(Files.createDirectories(tables), limits, ledger);
      CoordinatorState state = new CoordinatorState(store);
      log.info("coordinator state opened applied={}", state.applied());
      return new Recovered(store, state, ledger);
    } catch (LarderException e) {
      if (store != null) {
        store.close();
      }
      if (e.code() != ErrorCode.STORE_CORRUPT) {
        throw e;
      }
      log.error("coordinator state is damaged and set aside tables={}", tables, e);
      return null;
    }
  }

  private Recovered restore() throws IOException {
    Path aside = tables.resolveSibling(tables.getFileName() + ".damaged");
    if (Files.exists(tables)) {
      DurableFiles.deleteTree(aside);
      Files.move(tables, aside, StandardCopyOption.ATOMIC_MOVE);
    }
    for (Optional<SnapshotDirectory.Found> found = snapshots.newest();
        found.isPresent();
        found = snapshots.newest()) {
      try {
        found.get().manifest().verify(found.get().directory());
        copy(found.get());
        log.warn("coordinator state restored from snapshot={}", found.get().directory());
        break;
      } catch (LarderException e) {
        snapshots.refuse(found.get().directory(), String.valueOf(e.getMessage()));
        snapshots.reload();
      }
    }
    Recovered recovered = openTables();
    if (recovered == null) {
      throw new LarderException(
          ErrorCode.STORE_CORRUPT,
          "the coordinator's state restored to " + tables + " does not open; see the log");
    }
    return recovered;
  }

  private void copy(SnapshotDirectory.Found found) throws IOException {
    Path temporary = tables.resolveSibling(tables.getFileName() + ".restoring");
    DurableFiles.deleteTree(temporary);
    Files.createDirectories(temporary);
    for (SnapshotManifest.Entry file : found.manifest().files()) {
      Files.copy(found.directory().resolve(file.name()), temporary.resolve(file.name()));
    }
    DurableFiles.syncAll(temporary);
    Files.move(temporary, tables, StandardCopyOption.ATOMIC_MOVE);
    DurableFiles.sync(Objects.requireNonNull(tables.toAbsolutePath().getParent()));
  }

  /** The first entry the log still has; empty where there is no log at all. */
  static OptionalLong logStart(Path segments) throws IOException {
    return DurableFiles.list(segments).stream()
        .map(file -> SEGMENT.matcher(file.getFileName().toString()))
        .filter(Matcher::matches)
        .mapToLong(name -> Long.parseLong(name.group(1)))
        .min();
  }
}
