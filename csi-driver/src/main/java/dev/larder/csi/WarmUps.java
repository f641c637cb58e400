package dev.larder.csi;

import dev.larder.agent.job.Jobs;
import dev.larder.agent.job.Jobs.JobInfo;
import dev.larder.agent.job.Jobs.State;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Fills what volumes want warm; those that want the same share a job. Any thread. */
final class WarmUps {
  private static final Logger log = LoggerFactory.getLogger(WarmUps.class);
  private static final Duration LOOK_EVERY = Duration.ofMillis(50);
  private static final int REMEMBERED_MAX = 1000;

  private final Jobs jobs;
  private final Map<Wanted, String> running = new HashMap<>();
  private final Set<Path> begun = ConcurrentHashMap.newKeySet();

  private record Wanted(SnapshotRef snapshot, String glob) {}

  WarmUps(Jobs jobs) {
    this.jobs = jobs;
  }

  /**
   * Starts what a volume wants, and waits for it if it is to be waited for.
   *
   * @throws LarderException ORIGIN_UNAVAILABLE naming the first file that could not be filled,
   *     CANCELLED when the volume is unpublished meanwhile; without waiting none
   */
  void run(Volume volume, VolumeAttributes asked, Work work) {
    begun.add(volume.target());
    SnapshotRef snapshot = new SnapshotRef(volume.dataset(), OptionalLong.of(volume.number()));
    for (String glob : asked.warm()) {
      if (asked.waitForWarm()) {
        await(snapshot, inside(volume.subPath(), glob), work);
      } else {
        startQuietly(snapshot, inside(volume.subPath(), glob));
      }
    }
  }

  /** Goes on with what a former agent began for a volume that is there; does it once. */
  void resume(Volume volume, VolumeAttributes asked) {
    // Who waited for it was told that it is done.
    if (!asked.waitForWarm() && begun.add(volume.target())) {
      SnapshotRef snapshot = new SnapshotRef(volume.dataset(), OptionalLong.of(volume.number()));
      asked.warm().stream()
          .map(glob -> inside(volume.subPath(), glob))
          // It may have gone on by itself and be over by now.
          .filter(glob -> find(snapshot, glob, State.DONE).isEmpty())
          .forEach(glob -> startQuietly(snapshot, glob));
    }
  }

  /** A volume is no more. */
  void forget(Path target) {
    begun.remove(target);
  }

  /** Globs are of what the pod sees. */
  static String inside(String subPath, String glob) {
    if (subPath.isEmpty()) {
      return glob;
    }
    // A directory may be called what a glob would mean otherwise.
    String literal = subPath.replaceAll("[*?\\[\\]{}\\\\]", "\\\\$0");
    return literal + "/" + (glob.isEmpty() ? "**" : glob);
  }

  private void startQuietly(SnapshotRef snapshot, String glob) {
    try {
      String unused = start(snapshot, glob);
    } catch (LarderException e) {
      // The volume works without; what is read is fetched when it is.
      log.warn("no warm-up of {} code={}: {}", snapshot, e.code(), e.getMessage());
    }
  }

  private void await(SnapshotRef snapshot, String glob, Work work) {
    String id = start(snapshot, glob);
    while (true) {
      Optional<JobInfo> job = jobs.find(id);
      if (job.isEmpty() || job.get().state() == State.DONE) {
        return;
      }
      if (job.get().state() == State.FAILED) {
        throw new LarderException(
            ErrorCode.ORIGIN_UNAVAILABLE,
            job.get().failed()
                + " files of "
                + snapshot
                + " could not be filled, the first: "
                + job.get().firstError().orElse("unknown"));
      }
      if (job.get().state() == State.CANCELLED) {
        throw new LarderException(
            ErrorCode.ORIGIN_UNAVAILABLE, "the warm-up of " + snapshot + " was cancelled");
      }
      work.pause(LOOK_EVERY);
    }
  }

  /** One of a former agent, or that somebody else began. */
  private Optional<JobInfo> find(SnapshotRef snapshot, String glob, State state) {
    return jobs.list().stream()
        .filter(job -> job.state() == state)
        .filter(job -> job.snapshot().equals(snapshot.toString()) && job.glob().equals(glob))
        .findFirst();
  }

  private synchronized String start(SnapshotRef snapshot, String glob) {
    Wanted wanted = new Wanted(snapshot, glob);
    String known = running.get(wanted);
    if (known != null && jobs.find(known).filter(job -> job.state() == State.RUNNING).isPresent()) {
      return known;
    }
    if (running.size() >= REMEMBERED_MAX) {
      running
          .values()
          .removeIf(id -> jobs.find(id).filter(j -> j.state() == State.RUNNING).isEmpty());
    }
    String id = find(snapshot, glob, State.RUNNING).orElseGet(() -> jobs.warm(snapshot, glob)).id();
    running.put(wanted, id);
    return id;
  }
}
