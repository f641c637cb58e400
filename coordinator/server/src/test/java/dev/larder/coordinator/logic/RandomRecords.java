package dev.larder.coordinator.logic;

import dev.larder.coordinator.Samples;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Trust;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntFunction;

/** Records of few names, so that they meet each other; equal seeds make equal records. */
public final class RandomRecords {
  private final Random random;

  public RandomRecords(long seed) {
    random = new Random(seed);
  }

  /** The seed of this run: a new one, or that of {@code -Dlarder.seed=}. */
  public static long seed() {
    return Long.getLong("larder.seed", System.nanoTime());
  }

  public List<Record> next(int count) {
    return list(count, i -> one(i));
  }

  private Record one(int i) {
    return switch (random.nextInt(24)) {
      case 0, 1 -> new Record.Join(member());
      case 2 -> new Record.Leave(memberId());
      case 3 ->
          new Record.CreateDataset(
              name(), "s3://b/" + i, Map.of("b", "2", "a", "1", "c", "" + i), time(), request());
      case 4 -> new Record.DeleteDataset(name(), request());
      case 5, 6, 7 -> new Record.AddSnapshot(name(), Samples.snapshot(random.nextInt(4)));
      case 15 ->
          new Record.ChangeMembers(
              list(random.nextInt(3), n -> member()),
              list(random.nextInt(2), n -> memberId()),
              list(random.nextInt(2), n -> memberId()),
              list(random.nextInt(2), n -> memberId()),
              list(random.nextInt(2), n -> memberId()),
              random.nextBoolean(),
              time());
      case 16 ->
          new Record.PutCoordinator(
              "c" + random.nextInt(3), List.of("", "host:1", "host:2").get(random.nextInt(3)));
      case 14 ->
          new Record.DeleteSnapshots(
              name(), random.longs(3, 1, 8).distinct().sorted().boxed().toList());
      case 8, 9 -> new Record.RecordRoots(list(random.nextInt(5), n -> root(0)));
      case 20, 21 ->
          new Record.DisputeRoots(
              list(random.nextInt(4), n -> root(random.nextInt(6))),
              time(),
              random.nextInt(5),
              random.nextInt(3));
      case 22 ->
          new Record.TendDisputes(
              time(),
              Duration.ofMillis(random.nextInt(300)),
              Duration.ofMillis(random.nextInt(900)),
              random.nextInt(3));
      case 10, 11 -> {
        boolean complete = random.nextInt(3) == 0;
        yield new Record.Holdings(
            memberId(),
            list(random.nextInt(6), n -> key()),
            complete ? List.of() : list(random.nextInt(4), n -> key()),
            complete);
      }
      case 12 ->
          new Record.PutPin(
              "pin-" + i,
              new NewPin(
                  name(),
                  random.nextInt(3),
                  random.nextBoolean() ? "" : "a/*",
                  random.nextBoolean() ? Optional.empty() : Optional.of(time()),
                  owner(),
                  random.nextInt(9),
                  random.nextInt(9)),
              time());
      case 17 ->
          new Record.PutWarmUp(
              name(),
              1 + random.nextInt(3),
              random.nextBoolean() ? "" : "a/*",
              List.of("all", "2", "zone=z1").get(random.nextInt(3)),
              random.nextBoolean(),
              time(),
              random.nextBoolean() ? Optional.empty() : Optional.of(time()),
              request());
      case 18 ->
          new Record.EndWarmUps(
              random.nextBoolean() ? 0 : 1 + random.nextInt(20), time(), random.nextInt(5));
      case 23 ->
          new Record.Together(
              next(random.nextInt(12)).stream().filter(Record::canShareAnEntry).toList());
      case 19 ->
          new Record.MovePin(
              name(), random.nextInt(3), random.nextBoolean() ? "" : "a/*", owner(), owner());
      default ->
          random.nextBoolean()
              ? new Record.ExpirePins(time())
              : new Record.RemovePin(name(), random.nextInt(3), "a/*", owner());
    };
  }

  private RecordedRoot root(long readAgainFor) {
    return new RecordedRoot(
        key(),
        random.nextInt(2),
        Samples.digest(random.nextInt(2)),
        random.nextBoolean() ? Trust.VERIFIED : Trust.ATTESTED,
        memberId(),
        readAgainFor);
  }

  private MemberInfo member() {
    MemberInfo base = Samples.member(memberId(), "zone-" + random.nextInt(2));
    return new MemberInfo(
        base.id(),
        base.address(),
        base.zone(),
        base.labels(),
        base.capacityBytes(),
        time(),
        Instant.EPOCH);
  }

  private String memberId() {
    return "m" + random.nextInt(3);
  }

  private String owner() {
    return random.nextBoolean() ? "" : memberId();
  }

  private DatasetName name() {
    // One name is the start of another: their rows must not mix.
    return new DatasetName(List.of("d", "d1", "d-1", "e").get(random.nextInt(4)));
  }

  private BlobKey key() {
    return Samples.key(random.nextInt(12));
  }

  private String request() {
    return random.nextInt(3) == 0 ? "" : "r" + random.nextInt(4);
  }

  private Instant time() {
    return Instant.ofEpochMilli(1_000 + random.nextInt(1_000));
  }

  private static <T> List<T> list(int count, IntFunction<T> make) {
    List<T> list = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      list.add(make.apply(i));
    }
    return list;
  }
}
