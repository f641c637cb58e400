package dev.larder.coordinator.logic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.Samples;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.Work;
import dev.larder.protocol.DatasetName;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Pins with ends and owners, and warm-ups, beside a model of maps; seeded. */
class WorkModelTest {
  private static final int STEPS = 3_000;
  private static final List<String> OWNERS = List.of("", "a", "b", "c");

  private record PinKey(String dataset, long snapshot, String glob, String owner) {}

  private record Job(
      long number, String dataset, long snapshot, boolean pinned, long end, long endedAt) {}

  private final CoordinatorState state = new CoordinatorState(new MemoryStateStore());
  private final Map<PinKey, Long> pins = new HashMap<>();
  private final TreeMap<Long, Job> jobs = new TreeMap<>();
  private final Map<String, Long> requests = new HashMap<>();
  private final long seed = RandomRecords.seed();
  private final Random random = new Random(seed);
  private long index;
  private long now = 1_000;
  private long made;

  private Outcome apply(Record record) {
    return state.apply(new Position(1, index++), record);
  }

  @Test
  void standsAsTheModelSays() {
    for (String name : List.of("d", "d1")) {
      apply(new Record.CreateDataset(new DatasetName(name), "s3://b", Map.of(), at(0), ""));
      for (int n = 1; n <= 3; n++) {
        apply(new Record.AddSnapshot(new DatasetName(name), Samples.snapshot(n)));
      }
    }
    for (int step = 0; step < STEPS; step++) {
      now += random.nextInt(20);
      long before = state.query(Queries::workVersion);
      boolean changed = step(step);
      String hint = "-Dlarder.seed=" + seed + " step " + step;
      assertEquals(changed, state.query(Queries::workVersion) > before, hint);
      compare(hint);
    }
  }

  private boolean step(int step) {
    String dataset = random.nextBoolean() ? "d" : "d1";
    long snapshot = random.nextInt(4);
    String glob = random.nextBoolean() ? "" : "a/*";
    String owner = OWNERS.get(random.nextInt(OWNERS.size()));
    PinKey key = new PinKey(dataset, snapshot, glob, owner);
    return switch (random.nextInt(8)) {
      case 0, 1 -> {
        long end = random.nextInt(3) == 0 ? 0 : now + random.nextInt(300);
        apply(
            new Record.PutPin(
                "p" + step,
                new NewPin(new DatasetName(dataset), snapshot, glob, time(end), owner, step, step),
                at(now)));
        pins.put(key, end);
        yield true;
      }
      case 2 -> {
        apply(new Record.RemovePin(new DatasetName(dataset), snapshot, glob, owner));
        yield pins.remove(key) != null;
      }
      case 3 -> move(key, OWNERS.get(random.nextInt(OWNERS.size())));
      case 4 -> {
        apply(new Record.ExpirePins(at(now)));
        yield pins.values().removeIf(end -> end != 0 && end <= now);
      }
      case 5 -> put(dataset, 1 + random.nextInt(4), glob);
      case 6 -> cancel(1 + random.nextInt(30), random.nextInt(6));
      default -> expire(random.nextInt(6));
    };
  }

  private boolean move(PinKey from, String toOwner) {
    PinKey to = new PinKey(from.dataset(), from.snapshot(), from.glob(), toOwner);
    Outcome outcome =
        apply(
            new Record.MovePin(
                new DatasetName(from.dataset()),
                from.snapshot(),
                from.glob(),
                from.owner(),
                toOwner));
    boolean moves = pins.containsKey(from) && !from.equals(to);
    assertEquals(new Outcome.Removed(moves ? 1 : 0), outcome);
    if (moves) {
      long end = pins.remove(from);
      pins.merge(to, end, (one, other) -> one == 0 || other == 0 ? 0 : Math.max(one, other));
    }
    return moves;
  }

  private boolean put(String dataset, long snapshot, String glob) {
    String request = random.nextBoolean() ? "" : "r" + random.nextInt(10);
    long end = random.nextInt(3) == 0 ? 0 : now + random.nextInt(300);
    boolean pinned = random.nextBoolean();
    Outcome outcome =
        apply(
            new Record.PutWarmUp(
                new DatasetName(dataset),
                snapshot,
                glob,
                "all",
                pinned,
                at(now),
                time(end),
                request));
    if (snapshot > 3) {
      assertInstanceOf(Outcome.Refused.class, outcome);
      return false;
    }
    long known = requests.getOrDefault(request, 0L);
    boolean isRepeat = !request.isEmpty() && jobs.containsKey(known);
    if (!isRepeat) {
      known = ++made;
      jobs.put(known, new Job(known, dataset, snapshot, pinned, end, 0));
      requests.put(request, known);
    }
    assertEquals("wu-" + known, assertInstanceOf(Outcome.WarmUp.class, outcome).job().id());
    return !isRepeat;
  }

  private boolean cancel(long number, int keptMax) {
    Outcome outcome = apply(new Record.EndWarmUps(number, at(now), keptMax));
    Job job = jobs.get(number);
    if (job == null) {
      assertInstanceOf(Outcome.Refused.class, outcome);
      return false;
    }
    assertTrue(!assertInstanceOf(Outcome.WarmUp.class, outcome).job().isStanding());
    if (job.endedAt() != 0) {
      return false;
    }
    end(job);
    forget(keptMax);
    return true;
  }

  private boolean expire(int keptMax) {
    List<Job> over =
        jobs.values().stream()
            .filter(job -> job.endedAt() == 0 && job.end() != 0 && job.end() <= now)
            .toList();
    assertEquals(
        new Outcome.Removed(over.size()), apply(new Record.EndWarmUps(0, at(now), keptMax)));
    over.forEach(this::end);
    return forget(keptMax) || !over.isEmpty();
  }

  private void end(Job job) {
    jobs.put(
        job.number(),
        new Job(job.number(), job.dataset(), job.snapshot(), job.pinned(), job.end(), now));
  }

  private boolean forget(int keptMax) {
    List<Long> ended = new ArrayList<>();
    jobs.values().stream()
        .filter(job -> job.endedAt() != 0)
        .forEach(job -> ended.add(job.number()));
    List<Long> old = ended.subList(0, Math.max(0, ended.size() - keptMax));
    old.forEach(jobs::remove);
    return !old.isEmpty();
  }

  private void compare(String hint) {
    Map<PinKey, Long> found = new HashMap<>();
    // 1970 has seen the end of no pin.
    for (PathPin pin : state.query(q -> q.pins(at(0)))) {
      found.put(
          new PinKey(
              pin.pin().dataset().text(),
              pin.pin().snapshot(),
              pin.pin().glob(),
              pin.pin().owner()),
          pin.pin().expiresAt().map(Instant::toEpochMilli).orElse(0L));
    }
    assertEquals(pins, found, hint);
    assertEquals(pins.size(), state.query(Queries::counts).pins(), hint);
    List<WarmUpJob> listed = state.query(Queries::warmUps);
    assertEquals(
        List.copyOf(jobs.keySet()),
        listed.stream().map(job -> Long.parseLong(job.id().substring(3))).toList(),
        hint);
    for (WarmUpJob job : listed) {
      Job model = jobs.get(Long.parseLong(job.id().substring(3)));
      assertEquals(model.endedAt() == 0, job.isStanding(), hint);
      assertEquals(model.endedAt(), job.endedAt().map(Instant::toEpochMilli).orElse(0L), hint);
      assertEquals(model.end(), job.expiresAt().map(Instant::toEpochMilli).orElse(0L), hint);
    }
    Work work = state.query(q -> q.work("a", at(now)));
    assertEquals(
        jobs.values().stream()
            .filter(job -> job.endedAt() == 0 && (job.end() == 0 || job.end() > now))
            .count(),
        work.warmUps().size(),
        hint);
    assertEquals(
        pins.entrySet().stream()
            .filter(pin -> pin.getKey().owner().equals("a"))
            .filter(pin -> pin.getValue() == 0 || pin.getValue() > now)
            .count(),
        work.pins().size(),
        hint);
  }

  private static Instant at(long millis) {
    return Instant.ofEpochMilli(millis);
  }

  private static Optional<Instant> time(long millis) {
    return millis == 0 ? Optional.empty() : Optional.of(at(millis));
  }
}
