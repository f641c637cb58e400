package dev.larder.agent;

import dev.larder.agent.http.NodeState.CoordinatorCause;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.CoordinatorStatus.Health;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the coordinators found amiss at themselves, each of them: the one that a node happens to ask
 * may be well while another's clock is wrong. They are asked on a thread of their own, one look
 * after the other, so that a silent coordinator holds up nobody, and also while no majority answers
 * and the link waits for one.
 *
 * <p>They are asked only where somebody wants to know: each coordinator would otherwise hold a
 * connection of every node of the cluster, and not only of those that it serves.
 *
 * <p><b>Threads:</b> any.
 */
final class CoordinatorCauses implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CoordinatorCauses.class);

  /** Longest that one look waits: they answer from memory, or are not there. */
  static final Duration LOOK_MAX = Duration.ofMillis(700);

  /** Longest that who asks waits for a look: longer, so that it has what the living ones said. */
  static final Duration WAIT_MAX = Duration.ofSeconds(1);

  /** How long looks go on after somebody wanted to know: what asks each minute finds an answer. */
  static final Duration WANTED_FOR = Duration.ofMinutes(5);

  /** Looks that may miss a coordinator before what it said last is dropped. */
  static final int ROUNDS_KEPT = 3;

  /** Coordinators whose word is kept; as many as a client can be told of, and those before them. */
  static final int KEPT_MAX = 32;

  /** Causes that are shown at once. */
  static final int SHOWN_MAX = 32;

  /** Reasons of refused calls that are named; there are four. */
  private static final int REASONS_MAX = 8;

  private final Asking asking;
  private final Supplier<Duration> every;
  private final LongSupplier nanos;
  private final Thread thread;
  // Guarded by this, down to isClosing.
  private final SortedMap<String, Heard> heard = new TreeMap<>();
  private long looks;
  private long wishes;
  private long wantedNanos;
  private boolean isWanted;
  private boolean isResting;
  private boolean isClosing;
  private volatile boolean isAlone;

  /** Has each coordinator say how it does. */
  @FunctionalInterface
  interface Asking {
    /** The answers that came within the wait. */
    List<CoordinatorStatus> each(Duration wait);
  }

  private record Heard(CoordinatorStatus status, long nanos) {}

  /**
   * Nobody is asked yet.
   *
   * @param every asked before each pause between two looks
   * @param nanos goes forward only
   */
  CoordinatorCauses(Asking asking, Supplier<Duration> every, LongSupplier nanos) {
    this.asking = asking;
    this.every = every;
    this.nanos = nanos;
    this.thread = Thread.ofVirtual().name("coordinator-causes").unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  /** Keeps what a coordinator says of itself. */
  synchronized void heard(CoordinatorStatus status) {
    dropOld();
    String id = status.group().answeringId();
    isAlone = status.group().size() == 1;
    if (heard.size() < KEPT_MAX || heard.containsKey(id)) {
      heard.put(id, new Heard(status, nanos.getAsLong()));
    }
  }

  /**
   * What is amiss now, by coordinator; at most {@link #SHOWN_MAX}. Who asks first, or after a
   * while, waits for one look.
   */
  List<CoordinatorCause> causes() {
    List<CoordinatorStatus> fresh;
    synchronized (this) {
      want();
      dropOld();
      fresh = heard.values().stream().map(Heard::status).toList();
    }
    List<CoordinatorCause> out = new ArrayList<>();
    fresh.forEach(each -> addCauses(out, each));
    return out.stream().limit(SHOWN_MAX).toList();
  }

  private void want() {
    boolean wasWanted = isWanted();
    isWanted = true;
    wantedNanos = nanos.getAsLong();
    if (wasWanted || isAlone || !thread.isAlive()) {
      return;
    }
    wishes++;
    notifyAll();
    long end = System.nanoTime() + WAIT_MAX.toNanos();
    long before = looks;
    try {
      while (looks == before && !isClosing) {
        long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
        if (left <= 0) {
          return;
        }
        wait(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isWanted() {
    return isWanted && nanos.getAsLong() - wantedNanos < WANTED_FOR.toNanos();
  }

  /** A round is a pause and a look: who answers each of them is never dropped. */
  private void dropOld() {
    long keptNanos = ROUNDS_KEPT * every.get().plus(WAIT_MAX).toNanos();
    long now = nanos.getAsLong();
    heard.values().removeIf(each -> now - each.nanos > keptNanos);
  }

  private static void addCauses(List<CoordinatorCause> out, CoordinatorStatus status) {
    String id = status.group().answeringId();
    Health health = status.health();
    if (status.full().contains(CoordinatorStatus.DISK_FULL)) {
      out.add(
          new CoordinatorCause(
              id,
              "full",
              "its disk has less than %s, it takes no changes where it leads; make room"
                  .formatted(CoordinatorStatus.DISK_FULL)));
    }
    double off = health.clockOffSeconds();
    if (off != 0) {
      out.add(
          new CoordinatorCause(
              id,
              "clock",
              String.format(
                  Locale.ROOT,
                  "its host's clock is %d s %s and is not believed; set it right",
                  Math.round(Math.abs(off)),
                  off > 0 ? "ahead" : "behind")));
    }
    long damaged = health.snapshotsSetAside();
    if (damaged > 0) {
      out.add(
          new CoordinatorCause(
              id,
              "snapshots",
              (damaged == 1
                      ? "1 snapshot of its state was"
                      : damaged + " snapshots of its state were")
                  + " damaged and set aside as invalid-…; its disk may be failing"));
    }
    long refused = health.refused().values().stream().mapToLong(Long::longValue).sum();
    if (refused > 0) {
      out.add(
          new CoordinatorCause(
              id,
              "refused",
              "refused %d %s since its start: %s"
                  .formatted(refused, refused == 1 ? "call" : "calls", reasons(health.refused()))));
    }
  }

  private static String reasons(Map<String, Long> refused) {
    return new TreeMap<>(refused)
        .entrySet().stream()
            .filter(each -> each.getValue() > 0)
            .limit(REASONS_MAX)
            .map(each -> each.getKey() + " " + each.getValue())
            .collect(Collectors.joining(", "));
  }

  private void run() {
    try {
      while (awaitWanted()) {
        look();
        pause();
      }
    } catch (InterruptedException e) {
      log.debug("the coordinators are asked no more");
    }
  }

  private synchronized boolean awaitWanted() throws InterruptedException {
    while (!isClosing && !isWanted()) {
      isResting = true;
      wait();
    }
    isResting = false;
    return !isClosing;
  }

  private synchronized void pause() throws InterruptedException {
    looks++;
    notifyAll();
    long known = wishes;
    long end = System.nanoTime() + every.get().toNanos();
    long left = end - System.nanoTime();
    while (!isClosing && left > 0 && known == wishes) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
      left = end - System.nanoTime();
    }
  }

  /** Asks all of them; the only one of a group says it to the link already. */
  void look() {
    if (isAlone) {
      return;
    }
    try {
      asking.each(LOOK_MAX).forEach(this::heard);
    } catch (LarderException e) {
      log.debug("the coordinators do not say how they do code={}: {}", e.code(), e.getMessage());
    } catch (RuntimeException e) {
      log.error("asking the coordinators broke; going on", e);
    }
  }

  /** Whether nobody wanted to know for a while, and nobody is asked. */
  synchronized boolean isResting() {
    return isResting;
  }

  /** Ends a look that is at work; idempotent. */
  @Override
  public void close() {
    synchronized (this) {
      isClosing = true;
      notifyAll();
    }
    thread.interrupt();
    try {
      if (!thread.join(WAIT_MAX)) {
        log.warn("a look at the coordinators does not end within {}", WAIT_MAX);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
