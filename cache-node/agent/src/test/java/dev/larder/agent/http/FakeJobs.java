package dev.larder.agent.http;

import dev.larder.agent.job.Jobs;
import dev.larder.protocol.SnapshotRef;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** Jobs and pins that only stand in lists. */
final class FakeJobs implements Jobs {
  final Map<String, JobInfo> jobs = new ConcurrentHashMap<>();
  final List<PinInfo> pins = new CopyOnWriteArrayList<>();

  @Override
  public JobInfo warm(SnapshotRef snapshot, String glob) {
    String id = "job-" + (jobs.size() + 1);
    JobInfo job =
        new JobInfo(
            id,
            "warm",
            snapshot.toString(),
            glob,
            State.RUNNING,
            3,
            1,
            30,
            10,
            0,
            Optional.empty(),
            Optional.empty(),
            FakeNode.MTIME,
            Optional.empty());
    jobs.put(id, job);
    return job;
  }

  @Override
  public Optional<JobInfo> find(String id) {
    return Optional.ofNullable(jobs.get(id));
  }

  @Override
  public List<JobInfo> list() {
    return List.copyOf(jobs.values());
  }

  @Override
  public JobInfo cancel(String id) {
    JobInfo job = jobs.get(id);
    JobInfo cancelled =
        new JobInfo(
            id,
            "warm",
            job.snapshot(),
            job.glob(),
            State.CANCELLED,
            3,
            1,
            30,
            10,
            0,
            Optional.empty(),
            Optional.empty(),
            FakeNode.MTIME,
            Optional.of(FakeNode.MTIME));
    jobs.put(id, cancelled);
    return cancelled;
  }

  @Override
  public PinInfo pin(SnapshotRef snapshot, String glob, Duration ttl) {
    Optional<Instant> end = ttl.isZero() ? Optional.empty() : Optional.of(FakeNode.MTIME.plus(ttl));
    PinInfo pin = new PinInfo(snapshot.toString(), glob, 2, 20, FakeNode.MTIME, end, "node-1");
    pins.add(pin);
    return pin;
  }

  @Override
  public int unpin(SnapshotRef snapshot, String glob) {
    int before = pins.size();
    pins.removeIf(p -> p.snapshot().equals(snapshot.toString()) && p.glob().equals(glob));
    return before - pins.size();
  }

  @Override
  public List<PinInfo> pins() {
    return List.copyOf(pins);
  }
}
