package dev.larder.coordinator.raft;

import dev.larder.coordinator.logic.Position;
import dev.larder.protocol.LarderException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.ratis.io.MD5Hash;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.SnapshotRetentionPolicy;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.impl.FileListSnapshotInfo;
import org.apache.ratis.util.MD5FileUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Snapshots in Ratis' state machine directory, one folder {@code snapshot.<term>_<index>} each. A
 * folder gets that name when all in it is synced, so one without a valid manifest was damaged
 * later: it is set aside as {@code invalid-…} (the last one of a name is kept) and never used.
 *
 * <p><b>Threads:</b> Ratis' updater takes and cleans up; any asks for the latest.
 */
final class SnapshotDirectory implements StateMachineStorage {
  private static final Logger log = LoggerFactory.getLogger(SnapshotDirectory.class);
  private static final Pattern NAME = Pattern.compile("snapshot\\.(\\d+)_(\\d+)");
  private static final String TEMPORARY = "tmp-";
  private static final String INVALID = "invalid-";

  private @Nullable Path directory;
  private volatile @Nullable SnapshotInfo latest;
  private volatile int setAside;

  /** A snapshot with a manifest that reads back. */
  record Found(Path directory, SnapshotManifest manifest) {
    Position position() {
      return manifest.position();
    }
  }

  @Override
  public void init(RaftStorage storage) throws IOException {
    init(storage.getStorageDir().getStateMachineDir().toPath());
  }

  void init(Path directory) throws IOException {
    this.directory = Files.createDirectories(directory);
    for (Path path : DurableFiles.list(directory)) {
      if (path.getFileName().toString().startsWith(TEMPORARY)) {
        DurableFiles.deleteTree(path);
      }
    }
    reload();
  }

  /** Looks at the directory again, after Ratis installed a snapshot or one was refused. */
  void reload() throws IOException {
    Optional<Found> newest = newest();
    count();
    latest = newest.isPresent() ? info(newest.get()) : null;
  }

  /** Snapshots that were set aside and are kept. */
  int setAside() {
    return setAside;
  }

  private void count() throws IOException {
    int invalid = 0;
    for (Path path : DurableFiles.list(directory())) {
      invalid += path.getFileName().toString().startsWith(INVALID) ? 1 : 0;
    }
    setAside = invalid;
  }

  Optional<Found> newest() throws IOException {
    List<Found> all = all();
    return all.isEmpty() ? Optional.empty() : Optional.of(all.getFirst());
  }

  /** Valid snapshots, newest first; others are set aside. */
  List<Found> all() throws IOException {
    List<Found> found = new ArrayList<>();
    for (Path path : DurableFiles.list(directory())) {
      Matcher name = NAME.matcher(path.getFileName().toString());
      if (!name.matches()) {
        continue;
      }
      try {
        SnapshotManifest manifest = SnapshotManifest.read(path);
        Position named = new Position(Long.parseLong(name.group(1)), Long.parseLong(name.group(2)));
        if (manifest.position().equals(named)) {
          found.add(new Found(path, manifest));
        } else {
          refuse(path, "its manifest is another snapshot's");
        }
      } catch (LarderException e) {
        refuse(path, String.valueOf(e.getMessage()));
      }
    }
    found.sort(Comparator.comparingLong((Found f) -> f.position().index()).reversed());
    return found;
  }

  /** Sets a snapshot aside that must not be used. */
  void refuse(Path snapshot, String why) throws IOException {
    Path aside = snapshot.resolveSibling(INVALID + snapshot.getFileName());
    log.error("coordinator snapshot set aside snapshot={} as={} reason={}", snapshot, aside, why);
    DurableFiles.deleteTree(aside);
    Files.move(snapshot, aside, StandardCopyOption.ATOMIC_MOVE);
    DurableFiles.sync(directory());
    count();
  }

  /** Copies the state, whose applied position this is, and makes the copy the latest snapshot. */
  void take(RocksStateStore store, Position position) throws IOException {
    String name = "snapshot." + position.term() + '_' + position.index();
    Path target = directory().resolve(name);
    Path temporary = directory().resolve(TEMPORARY + name);
    DurableFiles.deleteTree(temporary);
    store.checkpoint(temporary);
    SnapshotManifest manifest = SnapshotManifest.of(temporary, position, newest());
    Files.writeString(temporary.resolve(SnapshotManifest.NAME), manifest.text());
    DurableFiles.syncAll(temporary);
    DurableFiles.deleteTree(target);
    Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    DurableFiles.sync(directory());
    latest = info(new Found(target, manifest));
  }

  @Override
  public @Nullable SnapshotInfo getLatestSnapshot() {
    return latest;
  }

  @Override
  public void format() {}

  @Override
  public void cleanupOldSnapshots(SnapshotRetentionPolicy policy) throws IOException {
    int kept = policy.getNumSnapshotsRetained();
    if (kept < 1) {
      return;
    }
    for (Found old : all().stream().skip(kept).toList()) {
      DurableFiles.deleteTree(old.directory());
    }
  }

  @Override
  public @Nullable File getSnapshotDir() {
    return directory == null ? null : directory.toFile();
  }

  private Path directory() {
    if (directory == null) {
      throw new IllegalStateException("the snapshot directory is not known yet");
    }
    return directory;
  }

  private static SnapshotInfo info(Found found) throws IOException {
    List<FileInfo> files = new ArrayList<>();
    for (SnapshotManifest.Entry file : found.manifest().files()) {
      files.add(
          new FileInfo(
              found.directory().resolve(file.name()),
              MD5Hash.newInstance(HexFormat.of().parseHex(file.md5()))));
    }
    Path manifest = found.directory().resolve(SnapshotManifest.NAME);
    files.add(new FileInfo(manifest, MD5FileUtil.computeMd5ForFile(manifest.toFile())));
    return new FileListSnapshotInfo(files, found.position().term(), found.position().index());
  }
}
