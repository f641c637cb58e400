package dev.larder.coordinator.service;

import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.protocol.LarderException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells listeners of epochs, in order, on one thread of its own. Epochs that come faster than they
 * are told are skipped: only the newest counts, so nothing queues up.
 *
 * <p><b>Threads:</b> any.
 */
public final class EpochNotices implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EpochNotices.class);

  private final ExecutorService teller =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("coordinator-epochs").factory());
  private final Map<Ticket, Long> told = new HashMap<>();
  private long latest;
  private boolean scheduled;
  private boolean closed;

  /** A listener's place; equal to itself only. */
  static final class Ticket {
    private final AttendanceListener listener;

    private Ticket(AttendanceListener listener) {
      this.listener = listener;
    }
  }

  /** Notes an epoch and has it told soon. */
  public synchronized void changed(long epoch) {
    latest = Math.max(latest, epoch);
    schedule();
  }

  /** Adds a listener, which hears the present epoch first. */
  synchronized @Nullable Ticket add(AttendanceListener listener, long epoch) {
    if (closed) {
      return null;
    }
    latest = Math.max(latest, epoch);
    Ticket ticket = new Ticket(listener);
    told.put(ticket, -1L);
    schedule();
    return ticket;
  }

  synchronized void remove(Ticket ticket) {
    told.remove(ticket);
  }

  /** Ends all listeners with this cause. */
  public void end(LarderException cause) {
    Map<Ticket, Long> ended;
    synchronized (this) {
      closed = true;
      ended = new HashMap<>(told);
      told.clear();
    }
    ended.keySet().forEach(ticket -> ticket.listener.ended(cause));
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    teller.shutdown();
  }

  private void schedule() {
    if (!scheduled && !closed) {
      scheduled = true;
      teller.execute(this::tell);
    }
  }

  private void tell() {
    long epoch;
    Map<Ticket, Long> behind = new HashMap<>();
    synchronized (this) {
      scheduled = false;
      epoch = latest;
      told.forEach((ticket, last) -> {
        if (last < epoch) {
          behind.put(ticket, last);
        }
      });
      behind.keySet().forEach(ticket -> told.put(ticket, epoch));
    }
    for (Ticket ticket : behind.keySet()) {
      try {
        ticket.listener.epoch(epoch);
      } catch (RuntimeException e) {
        log.warn("a listener failed to hear of an epoch epoch={}", epoch, e);
      }
    }
  }
}
