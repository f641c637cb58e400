package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Which coordinator to ask: the one that answered last, else where a leader was said to be, else
 * the next of the configured ones. A connection is made when it is first needed, and given up with
 * all that waits on it when the other end is silent. Any thread.
 */
final class Doors {
  /** Leaders that stand in no configuration, after coordinators were replaced. */
  private static final int FOREIGN_MAX = 8;

  private final List<String> configured;
  private final Function<String, Door> opener;
  private final Pulse pulse;
  private final long silenceNanos;
  private final Map<String, Door> doors = new LinkedHashMap<>();
  // Only those of known doors, so as few.
  private final Map<String, Long> silentUntil = new HashMap<>();
  private String present;
  private boolean closed;

  /**
   * Connects to nobody yet.
   *
   * @param silenceMax after which one that is asked counts as gone
   */
  Doors(List<String> configured, Duration silenceMax, Function<String, Door> opener) {
    this.configured = configured;
    this.opener = opener;
    this.silenceNanos = silenceMax.toNanos();
    this.pulse = new Pulse(silenceMax, this::silent);
    // So that clients of the same configuration do not all begin at the same one.
    this.present = configured.get(ThreadLocalRandom.current().nextInt(configured.size()));
  }

  synchronized Door present() {
    return at(present);
  }

  /** Those of all configured ones; who answers which is no reason to ask elsewhere first. */
  synchronized List<Door> all() {
    List<Door> all = new ArrayList<>();
    for (String address : configured) {
      Door door = at(address);
      // gRPC would wait up to two minutes before it tries again where it once failed.
      door.channel().resetConnectBackoff();
      all.add(door);
    }
    return all;
  }

  private Door at(String address) {
    if (closed) {
      throw new LarderException(ErrorCode.CLOSED, "the connection to the coordinator is closed");
    }
    Door known = doors.get(address);
    if (known != null && known.isDue()) {
      doors.remove(address);
      // What is at work on it comes to its end there.
      known.channel().shutdown();
    }
    return doors.computeIfAbsent(address, opener);
  }

  /** Looks after one of whom an answer is awaited, until closed. */
  Pulse.Watch watch(Door door) {
    return pulse.watch(door);
  }

  /** Whether another door may answer what one did not. */
  boolean isAlone() {
    return configured.size() == 1;
  }

  /** What came of asking there: goes where the leader is said to be, else to the next one. */
  synchronized void failed(String address, LarderException fault) {
    if (closed || !present.equals(address)) {
      return;
    }
    if (fault.getCause() instanceof NotLeader other
        && !other.address().isEmpty()
        && !isSilent(other.address())) {
      lead(other.address());
    } else {
      next(address);
    }
    Door next = doors.get(present);
    if (next != null) {
      // gRPC would wait up to two minutes before it tries again where it once failed.
      next.channel().resetConnectBackoff();
    }
  }

  private void next(String address) {
    // Behind the last and for foreign ones this is the first.
    int at = configured.indexOf(address);
    for (int i = 1; i <= configured.size(); i++) {
      present = configured.get((at + i) % configured.size());
      if (!isSilent(present)) {
        return;
      }
    }
  }

  /** The others may name it as the leader until they have noticed, too. */
  private boolean isSilent(String address) {
    Long until = silentUntil.get(address);
    return until != null && until - System.nanoTime() > 0;
  }

  /** Whoever waits there is told at once; the next to ask connects anew, if it comes to that. */
  private void silent(Door door) {
    synchronized (this) {
      if (closed) {
        return;
      }
      // One that was replaced as old says nothing of the present one.
      if (doors.remove(door.address(), door)) {
        silentUntil.keySet().removeIf(each -> !isSilent(each));
        silentUntil.put(door.address(), System.nanoTime() + silenceNanos);
        if (present.equals(door.address())) {
          next(door.address());
        }
      }
    }
    door.channel().shutdownNow();
  }

  private void lead(String address) {
    List<String> foreign = new ArrayList<>(doors.keySet());
    foreign.removeAll(configured);
    if (!configured.contains(address)
        && !foreign.contains(address)
        && foreign.size() >= FOREIGN_MAX) {
      Door oldest = doors.remove(foreign.getFirst());
      if (oldest != null) {
        oldest.channel().shutdown();
      }
    }
    present = address;
  }

  void close(long waitMillis) {
    List<Door> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(doors.values());
    }
    pulse.close();
    all.forEach(door -> door.channel().shutdownNow());
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(waitMillis);
    try {
      for (Door door : all) {
        door.channel().awaitTermination(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
