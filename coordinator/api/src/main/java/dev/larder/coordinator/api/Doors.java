package dev.larder.coordinator.api;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Which coordinator to ask: the one that answered last, else where a leader was said to be, else
 * the next of the configured ones. A connection is made when it is first needed. Any thread.
 */
final class Doors {
  /** Leaders that stand in no configuration, after coordinators were replaced. */
  private static final int FOREIGN_MAX = 8;

  private final List<String> configured;
  private final Function<String, ManagedChannel> opener;
  private final Map<String, ManagedChannel> channels = new LinkedHashMap<>();
  private String present;
  private boolean closed;

  Doors(List<String> configured, Function<String, ManagedChannel> opener) {
    this.configured = configured;
    this.opener = opener;
    // So that clients of the same configuration do not all begin at the same one.
    this.present = configured.get(ThreadLocalRandom.current().nextInt(configured.size()));
  }

  /** A connection and whose it is. */
  record Door(String address, ManagedChannel channel) {}

  synchronized Door present() {
    if (closed) {
      throw new LarderException(ErrorCode.CLOSED, "the connection to the coordinator is closed");
    }
    return new Door(present, channels.computeIfAbsent(present, opener));
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
    if (fault.getCause() instanceof NotLeader other && !other.address().isEmpty()) {
      lead(other.address());
    } else {
      // Behind the last and for foreign ones this is the first.
      present = configured.get((configured.indexOf(address) + 1) % configured.size());
    }
    ManagedChannel next = channels.get(present);
    if (next != null) {
      // gRPC would wait up to two minutes before it tries again where it once failed.
      next.resetConnectBackoff();
    }
  }

  private void lead(String address) {
    List<String> foreign = new ArrayList<>(channels.keySet());
    foreign.removeAll(configured);
    if (!configured.contains(address)
        && !foreign.contains(address)
        && foreign.size() >= FOREIGN_MAX) {
      ManagedChannel oldest = channels.remove(foreign.getFirst());
      if (oldest != null) {
        oldest.shutdown();
      }
    }
    present = address;
  }

  void close(long waitMillis) {
    List<ManagedChannel> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(channels.values());
    }
    all.forEach(ManagedChannel::shutdownNow);
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(waitMillis);
    try {
      for (ManagedChannel channel : all) {
        channel.awaitTermination(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
