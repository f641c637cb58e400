package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.Histories.Call;
import dev.larder.coordinator.Histories.Kind;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Calls of one caller on datasets, pins, members and roots that all callers share, and what came
 * back. Changes go to who leads, reads always to one and the same coordinator, deposed or not.
 */
final class HistoryCaller {
  static final DatasetName PINNED = new DatasetName("pinned");
  private static final int SLOTS = 3;
  private static final String SORTS = "dpmr";
  private static final int CALLS_A_KEY = 400;

  /** A root stands for ever: once it is verified there is nothing more that could be missed. */
  private static final int CALLS_A_ROOT = 40;

  private static final long ROOT_BYTES = 4096;
  private static final long PAUSE_NANOS = 50_000_000;
  private static final Duration PUBLISHED_WITHIN = Duration.ofSeconds(5);
  private static final Instant FAR = Instant.ofEpochMilli(4_000_000_000_000L);
  private static final String UNKNOWN = "";

  private final Log log;
  private final CoordinatorClient changes;
  private final CoordinatorClient reads;
  private final Random random;

  HistoryCaller(Log log, CoordinatorClient changes, CoordinatorClient reads, Random random) {
    this.log = log;
    this.changes = changes;
    this.reads = reads;
    this.random = random;
  }

  /** What all callers saw, by value. Any thread. */
  static final class Log {
    final Map<String, List<Call>> histories = new ConcurrentHashMap<>();
    private final Map<Integer, String> keys = new ConcurrentHashMap<>();
    private final AtomicInteger names = new AtomicInteger();

    String key(int slot) {
      return keys.computeIfAbsent(
          slot, s -> SORTS.charAt(s / SLOTS) + "" + names.incrementAndGet());
    }

    int add(String key, Call call) {
      List<Call> history =
          histories.computeIfAbsent(key, k -> Collections.synchronizedList(new ArrayList<>()));
      history.add(call);
      return history.size();
    }

    int calls() {
      return histories.values().stream().mapToInt(List::size).sum();
    }

    long unknown() {
      return histories.values().stream()
          .flatMap(history -> List.copyOf(history).stream())
          .filter(call -> !call.isKnown())
          .count();
    }

    /** Those of which no order explains what was seen. */
    List<String> disorders() {
      return histories.entrySet().stream()
          .filter(each -> !Histories.isLinearizable(List.copyOf(each.getValue())))
          .map(each -> each.getKey() + ": " + each.getValue())
          .toList();
    }
  }

  void call() {
    int slot = random.nextInt(SORTS.length() * SLOTS);
    String key = log.key(slot);
    Kind kind = kind(key);
    String argument =
        switch (kind) {
          case CREATE, PUT -> "v" + random.nextInt(1_000_000);
          // Few, so that some join again as they are, and some record what others did.
          case JOIN -> "z" + random.nextInt(2);
          case RECORD, VERIFY -> "v" + random.nextInt(2);
          default -> "";
        };
    long began = System.nanoTime();
    String answer;
    try {
      answer = answer(key, kind, argument);
    } catch (LarderException e) {
      assertTrue(
          e.code() == ErrorCode.COORDINATOR_UNAVAILABLE
              || e.code() == ErrorCode.DEADLINE
              || e.code() == ErrorCode.CLOSED,
          e.toString());
      // While nobody leads calls fail at once; a few of them are enough.
      LockSupport.parkNanos(PAUSE_NANOS);
      if (kind == Kind.READ) {
        return;
      }
      answer = UNKNOWN;
    }
    boolean isRefusal = answer.equals("no") && (kind == Kind.MARK || kind == Kind.UNMARK);
    if (isRefusal) {
      // Judged by a list that is not published yet: it says nothing of the one that is.
      return;
    }
    int calls = log.add(key, new Call(kind, argument, answer, began, System.nanoTime()));
    // Each that may have happened doubles the orders: nobody goes on with this value.
    if (answer.equals(UNKNOWN) || calls > (key.charAt(0) == 'r' ? CALLS_A_ROOT : CALLS_A_KEY)) {
      log.keys.remove(slot, key);
    }
  }

  /** One last look at every value, when the network is whole again. */
  void readAll() {
    for (String key : log.histories.keySet()) {
      long began = System.nanoTime();
      String answer = answer(key, Kind.READ, "");
      log.add(key, new Call(Kind.READ, "", answer, began, System.nanoTime()));
    }
  }

  private Kind kind(String key) {
    int which = random.nextInt(6);
    if (which >= 3) {
      return Kind.READ;
    }
    return switch (key.charAt(0)) {
      case 'd' -> which < 2 ? Kind.CREATE : Kind.DELETE;
      case 'p' -> which < 2 ? Kind.PUT : Kind.DELETE;
      case 'r' -> which < 2 ? Kind.RECORD : Kind.VERIFY;
      default -> {
        Kind[] marks = {Kind.MARK, Kind.UNMARK, Kind.LEAVE};
        yield which < 2 ? Kind.JOIN : marks[random.nextInt(marks.length)];
      }
    };
  }

  private String answer(String key, Kind kind, String argument) {
    return switch (key.charAt(0)) {
      case 'd' -> dataset(new DatasetName(key), kind, argument);
      case 'p' -> pin(key, kind, argument);
      case 'r' -> root(Long.parseLong(key.substring(1)), kind, argument);
      default -> member(key, kind, argument);
    };
  }

  private String dataset(DatasetName name, Kind kind, String argument) {
    try {
      switch (kind) {
        case CREATE -> {
          DatasetDefinition made = changes.createDataset(name, argument, Map.of());
          assertEquals(argument, made.originUri());
        }
        case READ -> {
          return reads.dataset(name).originUri();
        }
        default -> changes.deleteDataset(name);
      }
      return "ok";
    } catch (LarderException e) {
      return switch (e.code()) {
        case ALREADY_EXISTS -> "no";
        case UNKNOWN_DATASET -> kind == Kind.READ ? Histories.ABSENT : "no";
        default -> throw e;
      };
    }
  }

  /** A pin is told apart by when it ends. */
  private String pin(String glob, Kind kind, String argument) {
    return switch (kind) {
      case PUT -> {
        Instant until = FAR.plusMillis(Long.parseLong(argument.substring(1)));
        changes.pin(new NewPin(PINNED, 0, glob, Optional.of(until)));
        yield "ok";
      }
      case READ ->
          reads.pins().stream()
              .map(PathPin::pin)
              .filter(pin -> pin.glob().equals(glob))
              .map(pin -> "v" + (pin.expiresAt().orElseThrow().toEpochMilli() - FAR.toEpochMilli()))
              .findFirst()
              .orElse(Histories.ABSENT);
      default -> changes.unpin(PINNED, 0, glob) ? "ok" : "no";
    };
  }

  /**
   * Of contents whose digest is their key: two roots of one of those open no dispute, so the first
   * one stands whatever is sent later, and a refusal tells it.
   */
  private String root(long number, Kind kind, String argument) {
    BlobKey key = BlobKey.sha256(Samples.digest(number));
    if (kind == Kind.READ) {
      RecordedRoot found = reads.roots(List.of(key)).get(key);
      return found == null ? Histories.ABSENT : value(found);
    }
    Digest root = Samples.digest(Long.parseLong(argument.substring(1)));
    Trust trust = kind == Kind.VERIFY ? Trust.VERIFIED : Trust.ATTESTED;
    return changes
        .recordRoots(List.of(new RecordedRoot(key, ROOT_BYTES, root, trust, "n")))
        .stream()
        .map(HistoryCaller::value)
        .findFirst()
        .orElse("ok");
  }

  private static String value(RecordedRoot root) {
    return "v" + root.root().a() + (root.trust() == Trust.VERIFIED ? Histories.MARKED : "");
  }

  /** A change of members is done when the list of the epoch it was answered with is out. */
  private String member(String id, Kind kind, String zone) {
    if (kind == Kind.READ) {
      return reads.members().members().stream()
          .filter(member -> member.id().equals(id))
          .map(member -> member.zone() + (isDraining(member) ? Histories.MARKED : ""))
          .findFirst()
          .orElse(Histories.ABSENT);
    }
    long epoch;
    try {
      epoch =
          switch (kind) {
            case JOIN -> changes.join(Samples.member(id, zone));
            case LEAVE -> changes.leave(id);
            default -> changes.drain(id, kind == Kind.UNMARK);
          };
    } catch (LarderException e) {
      if (e.code() == ErrorCode.BAD_REQUEST) {
        return "no";
      }
      throw e;
    }
    long end = System.nanoTime() + PUBLISHED_WITHIN.toNanos();
    while (changes.members().epoch() < epoch) {
      if (System.nanoTime() > end) {
        return UNKNOWN;
      }
      LockSupport.parkNanos(1_000_000);
    }
    return "ok";
  }

  private static boolean isDraining(MemberInfo member) {
    return member.state() == MemberState.DRAINING;
  }
}
