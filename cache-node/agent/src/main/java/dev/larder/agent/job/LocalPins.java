package dev.larder.agent.job;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.dataset.Datasets.Type;
import dev.larder.agent.job.Jobs.PinInfo;
import dev.larder.agent.job.PinFile.Kept;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this node keeps from eviction: pins of users, which it owns, and what warm-ups over nodes
 * brought in for a time. Kept in a file, so that they hold before a coordinator answers; when one
 * ends is the coordinator's word alone, never this host's clock. Any thread; changes take turns.
 */
public final class LocalPins {
  /** Pins that wait for the disk together. */
  private static final int PINS_AT_ONCE = 1000;

  private static final Logger log = LoggerFactory.getLogger(LocalPins.class);

  private final int pinsMax;
  private final Clock clock;
  private final String self;
  private final Datasets datasets;
  private final BlobStore store;
  private final CoordinatorClient coordinator;
  private final PinFile file;
  private final Map<String, Kept> pins = new LinkedHashMap<>();
  private final Object turn = new Object();

  /** Counts what users changed; a list of the coordinator's from before a change is old. */
  private long changes;

  /** How far a list was followed. */
  enum Followed {
    /** A user changed something meanwhile: another list is needed. */
    NOT,
    /** What is to be taken over could not all be yet. */
    PARTLY,
    /** All of it. */
    WHOLLY
  }

  LocalPins(
      int pinsMax,
      Path pinFile,
      String self,
      Datasets datasets,
      BlobStore store,
      CoordinatorClient coordinator,
      Clock clock) {
    this.clock = clock;
    this.pinsMax = pinsMax;
    this.self = self;
    this.datasets = datasets;
    this.store = store;
    this.coordinator = coordinator;
    this.file = new PinFile(pinFile);
  }

  /** Reads the pins and has them laid on the store again by a thread. */
  void start(Executor threads) {
    synchronized (turn) {
      file.load().forEach(pin -> pins.put(id(pin), pin));
      if (!pins.isEmpty()) {
        threads.execute(this::repin);
      }
    }
  }

  PinInfo pin(SnapshotRef snapshot, String glob, Duration ttl) {
    PathGlob.parse(glob);
    // Before the lock: an unknown name is asked for, and what comes may ask what is pinned.
    SnapshotRef exact = exact(snapshot);
    synchronized (turn) {
      String id = id(snapshot.toString(), glob, "");
      Kept old = pins.get(id);
      if (old == null && pins.size() >= pinsMax) {
        throw new LarderException(ErrorCode.TOO_MANY, "jobs.pins-max: " + pinsMax + " pins stand");
      }
      long[] counted = new long[2];
      visit(exact, glob, (key, size) -> count(counted, size));
      Optional<Instant> end = coordinator.pin(wish(snapshot, glob, counted), ttl).pin().expiresAt();
      changes++;
      Instant createdAt = old == null ? clock.instant() : old.info().createdAt();
      Kept kept = lay(snapshot.toString(), glob, exact, createdAt, end, "");
      pins.put(id, kept);
      save();
      if (old != null && old.pinnedSnapshot() != kept.pinnedSnapshot()) {
        lift(old);
      }
      return shown(kept);
    }
  }

  int unpin(SnapshotRef snapshot, String glob) {
    synchronized (turn) {
      String id = id(snapshot.toString(), glob, "");
      Kept pin = pins.get(id);
      DatasetName name = snapshot.dataset();
      long number = snapshot.snapshot().orElse(0);
      boolean wasKnown = coordinator.unpin(name, number, glob, self);
      // As pins were recorded before they had owners.
      wasKnown |= coordinator.unpin(name, number, glob, "");
      changes++;
      if (pin == null) {
        return wasKnown ? 1 : 0;
      }
      drop(id, pin);
      return 1;
    }
  }

  List<PinInfo> list() {
    synchronized (turn) {
      return pins.values().stream().map(this::shown).toList();
    }
  }

  /** Whether a pin holds this snapshot. */
  boolean isPinned(SnapshotRef snapshot) {
    synchronized (turn) {
      return pins.values().stream()
          .anyMatch(pin ->
              ref(pin).dataset().equals(snapshot.dataset())
                  && pin.pinnedSnapshot() == snapshot.snapshot().orElse(0));
    }
  }

  /** A dataset has a new snapshot: pins that follow the newest move on. */
  void onRefreshed(DatasetName name) {
    synchronized (turn) {
      for (Map.Entry<String, Kept> each : pins.entrySet()) {
        SnapshotRef ref = ref(each.getValue());
        if (ref.dataset().equals(name) && ref.snapshot().isEmpty()) {
          each.setValue(move(ref, each.getValue()));
        }
      }
      save();
    }
  }

  /**
   * A dataset is about to be forgotten: its pins go, while its catalogs can still be read. The
   * coordinator drops its own by itself.
   */
  void onDeleting(DatasetName name) {
    synchronized (turn) {
      changes++;
      for (Map.Entry<String, Kept> each : List.copyOf(pins.entrySet())) {
        if (ref(each.getValue()).dataset().equals(name)) {
          pins.remove(each.getKey());
          lift(each.getValue());
        }
      }
      save();
    }
  }

  /** Pins of users that this node owns. */
  List<PinInfo> own() {
    synchronized (turn) {
      return pins.values().stream().map(Kept::info).filter(info -> info.owner().isEmpty()).toList();
    }
  }

  /** The snapshot a pin of a user's keeps now. */
  long pinnedSnapshot(PinInfo info) {
    synchronized (turn) {
      Kept pin = pins.get(id(info.snapshot(), info.glob(), ""));
      if (pin == null) {
        throw new LarderException(ErrorCode.CLOSED, "the pin ended meanwhile");
      }
      return pin.pinnedSnapshot();
    }
  }

  /** Ids of the warm-ups whose files are kept. */
  Set<String> held() {
    synchronized (turn) {
      Set<String> ids = new HashSet<>();
      pins.values().forEach(pin -> ids.add(pin.info().owner()));
      ids.remove("");
      return ids;
    }
  }

  /** The moment that {@link #follow} compares with; to be asked for before the list is. */
  long changes() {
    synchronized (turn) {
      return changes;
    }
  }

  /**
   * Comes to what the coordinator says this node owns: what ended elsewhere ends here, what was
   * handed over to this node is kept from now on.
   *
   * @param owned the coordinator's list
   * @param asOf {@link #changes} from before the list was asked for
   * @return how far it got
   */
  Followed follow(List<PathPin> owned, long asOf) {
    synchronized (turn) {
      if (asOf != changes) {
        return Followed.NOT;
      }
      Map<String, PathPin> listed = new LinkedHashMap<>();
      owned.forEach(pin -> listed.put(id(ref(pin.pin()).toString(), pin.pin().glob(), ""), pin));
      for (Map.Entry<String, Kept> each : List.copyOf(pins.entrySet())) {
        PathPin pin = listed.remove(each.getKey());
        if (!each.getValue().info().owner().isEmpty()) {
          continue;
        }
        if (pin == null) {
          ended(each.getKey(), each.getValue());
        } else if (!pin.pin().expiresAt().equals(each.getValue().info().expiresAt())) {
          each.setValue(each.getValue().until(pin.pin().expiresAt()));
          pins.put(each.getKey(), each.getValue());
          save();
        }
      }
      boolean all = true;
      for (Map.Entry<String, PathPin> each : listed.entrySet()) {
        all &= adopt(each.getKey(), each.getValue());
      }
      return all ? Followed.WHOLLY : Followed.PARTLY;
    }
  }

  /** A pin without an end ends by a user's wish only: a coordinator that lost it is told again. */
  private void ended(String id, Kept pin) {
    PinInfo info = pin.info();
    if (info.expiresAt().isPresent()) {
      log.info("pin ended snapshot={} glob={}", info.snapshot(), info.glob());
      drop(id, pin);
      return;
    }
    try {
      long[] counted = {info.files(), info.bytes()};
      coordinator.pin(wish(ref(pin), info.glob(), counted), Duration.ZERO);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.UNKNOWN_DATASET) {
        throw e;
      }
      log.info("pin of a dataset or snapshot that is gone snapshot={}", info.snapshot());
    }
  }

  private boolean adopt(String id, PathPin pin) {
    String snapshot = ref(pin.pin()).toString();
    try {
      pins.put(
          id,
          lay(
              snapshot,
              pin.pin().glob(),
              exact(ref(pin.pin())),
              pin.createdAt(),
              pin.pin().expiresAt(),
              ""));
      save();
      log.info("pin taken over snapshot={} glob={}", snapshot, pin.pin().glob());
      return true;
    } catch (LarderException e) {
      log.warn("pin not taken over yet snapshot={} code={}", snapshot, e.code());
      return false;
    }
  }

  /** A pin is another node's now. */
  void handedOver(PinInfo info) {
    synchronized (turn) {
      changes++;
      String id = id(info.snapshot(), info.glob(), "");
      Kept pin = pins.get(id);
      if (pin != null) {
        drop(id, pin);
      }
    }
  }

  /** Keeps what a warm-up names from now on, present or not; again is of no further effect. */
  void hold(WarmUpJob job) {
    SnapshotRef exact = new SnapshotRef(job.dataset(), OptionalLong.of(job.snapshot()));
    synchronized (turn) {
      String id = id(exact.toString(), job.glob(), job.id());
      if (!pins.containsKey(id)) {
        pins.put(
            id,
            lay(exact.toString(), job.glob(), exact, job.createdAt(), job.expiresAt(), job.id()));
        save();
      }
    }
  }

  /** Keeps it no longer. */
  void release(String warmUpId) {
    synchronized (turn) {
      for (Map.Entry<String, Kept> each : List.copyOf(pins.entrySet())) {
        if (each.getValue().info().owner().equals(warmUpId)) {
          drop(each.getKey(), each.getValue());
        }
      }
    }
  }

  private void drop(String id, Kept pin) {
    pins.remove(id);
    save();
    lift(pin);
  }

  private void save() {
    file.save(pins.values());
  }

  private PinInfo shown(Kept pin) {
    return pin.info().owner().isEmpty() ? pin.info().ownedBy(self) : pin.info();
  }

  private NewPin wish(SnapshotRef snapshot, String glob, long[] counted) {
    return new NewPin(
        snapshot.dataset(),
        snapshot.snapshot().orElse(0),
        glob,
        Optional.empty(),
        self,
        counted[0],
        counted[1]);
  }

  private void repin() {
    try {
      synchronized (turn) {
        for (Map.Entry<String, Kept> each : pins.entrySet()) {
          PinInfo info = each.getValue().info();
          SnapshotRef ref = SnapshotRef.parse(info.snapshot());
          try {
            each.setValue(move(ref, each.getValue()));
          } catch (LarderException e) {
            log.warn("pin not laid again snapshot={} glob={} code={}", ref, info.glob(), e.code());
          }
        }
      }
    } catch (RuntimeException e) {
      log.error("laying the pins again broke", e);
    }
  }

  private Kept move(SnapshotRef ref, Kept old) {
    PinInfo info = old.info();
    Kept moved =
        lay(
            info.snapshot(),
            info.glob(),
            exact(ref),
            info.createdAt(),
            info.expiresAt(),
            info.owner());
    if (moved.pinnedSnapshot() != old.pinnedSnapshot()) {
      lift(old);
    }
    return moved;
  }

  private Kept lay(
      String snapshot,
      String glob,
      SnapshotRef exact,
      Instant createdAt,
      Optional<Instant> expiresAt,
      String warmUpId) {
    String owner = owner(snapshot, glob, exact.snapshot().orElseThrow(), warmUpId);
    long[] sums = new long[2];
    List<BlobKey> batch = new ArrayList<>();
    visit(
        exact,
        glob,
        (key, size) -> {
          batch.add(key);
          if (batch.size() == PINS_AT_ONCE) {
            store.pinAll(batch, owner);
            batch.clear();
          }
          count(sums, size);
        });
    store.pinAll(batch, owner);
    return new Kept(
        new PinInfo(snapshot, glob, sums[0], sums[1], createdAt, expiresAt, warmUpId),
        exact.snapshot().orElseThrow());
  }

  private void lift(Kept pin) {
    PinInfo info = pin.info();
    SnapshotRef exact = new SnapshotRef(ref(pin).dataset(), OptionalLong.of(pin.pinnedSnapshot()));
    String owner = owner(info.snapshot(), info.glob(), pin.pinnedSnapshot(), info.owner());
    try {
      visit(exact, info.glob(), (key, size) -> store.unpin(key, owner));
    } catch (LarderException e) {
      log.warn("pin not lifted everywhere snapshot={} code={}", exact, e.code());
    }
  }

  private interface KeyVisitor {
    void visit(BlobKey key, long sizeBytes);
  }

  private static void count(long[] sums, long sizeBytes) {
    sums[0]++;
    sums[1] += sizeBytes;
  }

  private void visit(SnapshotRef exact, String glob, KeyVisitor visitor) {
    Consumer<Datasets.Entry> each =
        entry -> {
          if (entry.type() == Type.FILE) {
            entry.key().ifPresent(key -> visitor.visit(key, entry.sizeBytes()));
          }
        };
    datasets.walk(exact, glob, each);
  }

  private SnapshotRef exact(SnapshotRef snapshot) {
    long number = datasets.resolve(snapshot).number();
    return new SnapshotRef(snapshot.dataset(), OptionalLong.of(number));
  }

  private static SnapshotRef ref(Kept pin) {
    return SnapshotRef.parse(pin.info().snapshot());
  }

  private static SnapshotRef ref(NewPin pin) {
    return new SnapshotRef(
        pin.dataset(),
        pin.snapshot() == 0 ? OptionalLong.empty() : OptionalLong.of(pin.snapshot()));
  }

  private static String id(Kept pin) {
    return id(pin.info().snapshot(), pin.info().glob(), pin.info().owner());
  }

  private static String id(String snapshot, String glob, String warmUpId) {
    return snapshot + ' ' + warmUpId + ' ' + glob;
  }

  private static String owner(String snapshot, String glob, long number, String warmUpId) {
    return (warmUpId.isEmpty() ? "pin:" : "warm-up:" + warmUpId + ":")
        + snapshot
        + "#"
        + number
        + ":"
        + glob;
  }
}
