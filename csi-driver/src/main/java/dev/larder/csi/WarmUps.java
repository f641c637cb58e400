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
import java.util.HashSet;
import java.util.List;
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
  private final Set<Path> begun = ConcurrentHashMap.newKeySet();

  /** With the others below guarded by this. */
  private final Map<Wanted, Begun> running = new HashMap<>();

  /** Which jobs a volume shares in. */
  private final Map<Path, Set<String>> shares = new HashMap<>();

  /** Jobs that a volume waited for when it was called off. */
  private final Map<Path, String> leftAlone = new HashMap<>();

  /** Jobs that were told to end and may not have yet; nobody is to join them. */
  private final Set<String> ending = new HashSet<>();

  private record Wanted(SnapshotRef snapshot, String glob) {}

  /**
   * A job.
   *
   * @param isOurs whether it was begun here, and not by a former agent or a user
   */
  private record Begun(String id, boolean isOurs) {}

  WarmUps(Jobs jobs) {
    this.jobs = jobs;
  }

  /**
   * Starts what a volume wants, and waits for it if it is to be waited for.
   *
   * @throws LarderException what the first file that could not be filled failed with, naming it;
   *     CANCELLED when the volume is unpublished meanwhile or a user cancels the warm-up, which the
   *     next try begins anew; without waiting none
   */
  void run(Volume volume, VolumeAttributes asked, Work work) {
    begun.add(volume.target());
    SnapshotRef snapshot = new SnapshotRef(volume.dataset(), OptionalLong.of(volume.number()));
    for (String glob : asked.warm()) {
      if (asked.waitForWarm()) {
        await(volume.target(), snapshot, inside(volume.subPath(), glob), work);
      } else {
        startQuietly(volume.target(), snapshot, inside(volume.subPath(), glob));
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
          .filter(glob -> find(new Wanted(snapshot, glob), State.DONE).isEmpty())
          .forEach(glob -> startQuietly(volume.target(), snapshot, glob));
    }
  }

  /** A volume is not made, or no more; what it began goes on. */
  synchronized void forget(Path target) {
    begun.remove(target);
    shares.remove(target);
  }

  /**
   * The same for one that is unpublished. If its publish waited for a warm-up till then, that ends
   * too, unless another volume shares in it or somebody else began it; what it brought in stays.
   */
  synchronized void unpublished(Path target) {
    forget(target);
    String id = leftAlone.remove(target);
    boolean isOurs = running.values().stream().anyMatch(job -> job.isOurs() && job.id().equals(id));
    if (id == null || !isOurs || shares.values().stream().anyMatch(ids -> ids.contains(id))) {
      return;
    }
    if (isRunning(id)) {
      log.info("no volume waits for it any more, ending warm-up id={}", id);
      ending.add(id);
      JobInfo unused = jobs.cancel(id);
    }
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

  private void startQuietly(Path target, SnapshotRef snapshot, String glob) {
    try {
      String unused = start(target, snapshot, glob);
    } catch (LarderException e) {
      // The volume works without; what is read is fetched when it is.
      log.warn("no warm-up of {} code={}: {}", snapshot, e.code(), e.getMessage());
    }
  }

  private void await(Path target, SnapshotRef snapshot, String glob, Work work) {
    String id = start(target, snapshot, glob);
    while (true) {
      Optional<JobInfo> job = jobs.find(id);
      if (job.isEmpty()) {
        throw new LarderException(
            ErrorCode.CANCELLED, "the warm-up of " + snapshot + " is forgotten; it is begun anew");
      }
      if (job.get().state() == State.DONE) {
        return;
      }
      if (job.get().state() != State.RUNNING) {
        throw fault(job.get());
      }
      try {
        work.pause(LOOK_EVERY);
      } catch (LarderException e) {
        // Not to be ended here: it goes on with the next agent where this one ends.
        leave(target, id);
        throw e;
      }
    }
  }

  /** Why a job that is over did not fill everything. */
  static LarderException fault(JobInfo job) {
    if (job.state() == State.CANCELLED) {
      return new LarderException(
          ErrorCode.CANCELLED,
          "a user cancelled the warm-up of "
              + job.snapshot()
              + "; it is begun anew when the volume is published again");
    }
    ErrorCode code =
        switch (job.firstCode().orElse(ErrorCode.ORIGIN_UNAVAILABLE)) {
          // As with reads: it is the origin that stopped to deliver, and no call that took too
          // long.
          case DEADLINE -> ErrorCode.ORIGIN_UNAVAILABLE;
          // The volume's attributes were good enough to list it, so it is the credentials.
          case BAD_ORIGIN -> ErrorCode.ORIGIN_DENIED;
          case ErrorCode other -> other;
        };
    return new LarderException(
        code,
        job.failed()
            + " files of "
            + job.snapshot()
            + " could not be filled, the first: "
            + job.firstError().orElse("unknown"));
  }

  private synchronized void leave(Path target, String id) {
    leftAlone.put(target, id);
  }

  /** One of a former agent, or that somebody else began. */
  private List<JobInfo> find(Wanted wanted, State state) {
    return jobs.list().stream()
        .filter(job -> job.state() == state)
        .filter(job -> job.snapshot().equals(wanted.snapshot().toString()))
        .filter(job -> job.glob().equals(wanted.glob()))
        .toList();
  }

  private synchronized String start(Path target, SnapshotRef snapshot, String glob) {
    String id = running(new Wanted(snapshot, glob));
    shares.computeIfAbsent(target, any -> new HashSet<>()).add(id);
    return id;
  }

  private String running(Wanted wanted) {
    Begun known = running.get(wanted);
    if (known != null && isRunning(known.id()) && !ending.contains(known.id())) {
      return known.id();
    }
    ending.removeIf(id -> !isRunning(id));
    if (running.size() >= REMEMBERED_MAX) {
      running.values().removeIf(job -> !isRunning(job.id()));
    }
    Begun job =
        find(wanted, State.RUNNING).stream()
            .map(JobInfo::id)
            .filter(id -> !ending.contains(id))
            .findFirst()
            .map(id -> new Begun(id, false))
            .orElseGet(() -> new Begun(jobs.warm(wanted.snapshot(), wanted.glob()).id(), true));
    running.put(wanted, job);
    return job.id();
  }

  private boolean isRunning(String id) {
    return jobs.find(id).filter(job -> job.state() == State.RUNNING).isPresent();
  }
}
