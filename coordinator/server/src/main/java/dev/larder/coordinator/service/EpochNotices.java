package dev.larder.coordinator.service;

import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.MemberChange;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.protocol.LarderException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells listeners of epochs, in order, on one thread of its own, and how the list changed since the
 * epoch they know, where that is one of the last told. Epochs that come faster than they are told
 * are skipped: only the newest counts, so nothing queues up.
 *
 * <p><b>Threads:</b> any.
 */
public final class EpochNotices implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EpochNotices.class);

  private static final int LISTS_KEPT = 8;
  private static final int CHANGE_MAX = 1_000;

  private final ExecutorService teller =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("coordinator-epochs").factory());
  private final Map<Ticket, Long> told = new HashMap<>();
  private final Supplier<MemberList> members;
  // The teller's own.
  private final NavigableMap<Long, Map<String, MemberInfo>> lists = new TreeMap<>();
  // What a listener said it has, until it was told the first time.
  private final Map<Ticket, Long> known = new HashMap<>();
  private long latest;
  private long latestWork;
  private boolean scheduled;
  private boolean closed;

  /** Tells of nothing yet; {@code members} answers the list of the newest epoch. */
  public EpochNotices(Supplier<MemberList> members) {
    this.members = members;
  }

  /** A listener's place; equal to itself only. */
  static final class Ticket {
    private final String memberId;
    private final AttendanceListener listener;
    // Guarded by the notices' lock.
    private long work = -1;

    private Ticket(String memberId, AttendanceListener listener) {
      this.memberId = memberId;
      this.listener = listener;
    }
  }

  /** Notes an epoch and has it told soon. */
  public synchronized void changed(long epoch) {
    latest = Math.max(latest, epoch);
    schedule();
  }

  /** Notes a version of pins and warm-ups and has it told soon. */
  public synchronized void workChanged(long version) {
    latestWork = Math.max(latestWork, version);
    schedule();
  }

  /** Adds a listener, which hears the present epoch first, and the version of the work. */
  synchronized @Nullable Ticket add(
      String memberId, AttendanceListener listener, long epoch, long work) {
    if (closed) {
      return null;
    }
    latest = Math.max(latest, epoch);
    latestWork = Math.max(latestWork, work);
    Ticket ticket = new Ticket(memberId, listener);
    // Also who knows the newest hears it once: it is the sign that the stream is open.
    told.put(ticket, -1L);
    known.put(ticket, listener.knownEpoch());
    schedule();
    return ticket;
  }

  /** Whether a member listens. */
  synchronized boolean hears(String memberId) {
    return told.keySet().stream().anyMatch(ticket -> ticket.memberId.equals(memberId));
  }

  synchronized void remove(Ticket ticket) {
    told.remove(ticket);
    known.remove(ticket);
  }

  /** Ends the listeners of members that were removed: who lives after all joins again. */
  public void end(Collection<String> memberIds, LarderException cause) {
    Set<String> ids = Set.copyOf(memberIds);
    List<Ticket> ended = new ArrayList<>();
    synchronized (this) {
      told.keySet().stream().filter(each -> ids.contains(each.memberId)).forEach(ended::add);
      ended.forEach(told::remove);
      ended.forEach(known::remove);
    }
    ended.forEach(ticket -> ticket.listener.ended(cause));
  }

  /** Ends all listeners with this cause; {@code last}: and takes no more. */
  public void end(LarderException cause, boolean last) {
    Map<Ticket, Long> ended;
    synchronized (this) {
      closed |= last;
      ended = new HashMap<>(told);
      told.clear();
      known.clear();
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
    long work;
    Map<Ticket, Long> behind = new HashMap<>();
    List<Ticket> newWork = new ArrayList<>();
    synchronized (this) {
      scheduled = false;
      epoch = latest;
      work = latestWork;
      for (Ticket ticket : told.keySet()) {
        if (ticket.work != work) {
          ticket.work = work;
          newWork.add(ticket);
        }
      }
      told.forEach((ticket, last) -> {
        if (last < epoch) {
          behind.put(ticket, Math.max(last, known.getOrDefault(ticket, 0L)));
          known.remove(ticket);
        }
      });
      behind.keySet().forEach(ticket -> told.put(ticket, epoch));
    }
    Map<Long, Optional<MemberChange>> changes = new HashMap<>();
    for (Map.Entry<Ticket, Long> each : behind.entrySet()) {
      Ticket ticket = each.getKey();
      try {
        changes
            .computeIfAbsent(each.getValue(), from -> change(from, epoch))
            .ifPresent(ticket.listener::members);
        ticket.listener.epoch(epoch);
      } catch (RuntimeException e) {
        log.warn("a listener failed to hear of an epoch epoch={}", epoch, e);
      }
    }
    for (Ticket ticket : newWork) {
      try {
        ticket.listener.work(work);
      } catch (RuntimeException e) {
        log.warn("a listener failed to hear of work version={}", work, e);
      }
    }
  }

  /** How the list became that of an epoch; empty where one of the two is not known here. */
  private Optional<MemberChange> change(long from, long epoch) {
    remember(epoch);
    Map<String, MemberInfo> before = lists.get(from);
    Map<String, MemberInfo> after = lists.get(epoch);
    // Who knows nothing asks for the list: a long one does not fit a notice.
    if (before == null || after == null || from >= epoch) {
      return Optional.empty();
    }
    List<MemberInfo> put = new ArrayList<>();
    for (MemberInfo member : after.values()) {
      if (!member.equals(before.get(member.id()))) {
        put.add(member);
      }
    }
    List<String> removed = new ArrayList<>(before.keySet());
    removed.removeAll(after.keySet());
    return put.size() + removed.size() > CHANGE_MAX
        ? Optional.empty()
        : Optional.of(new MemberChange(from, epoch, put, removed));
  }

  private void remember(long epoch) {
    if (lists.containsKey(epoch)) {
      return;
    }
    try {
      MemberList list = members.get();
      Map<String, MemberInfo> last = lists.isEmpty() ? Map.of() : lists.lastEntry().getValue();
      Map<String, MemberInfo> byId = new TreeMap<>();
      for (MemberInfo member : list.members()) {
        // Lists share what is equal, or each would cost as much as the first.
        MemberInfo known = last.get(member.id());
        byId.put(member.id(), member.equals(known) ? known : member);
      }
      lists.put(list.epoch(), byId);
      while (lists.size() > LISTS_KEPT) {
        lists.pollFirstEntry();
      }
    } catch (LarderException e) {
      log.debug("the list of epoch={} is told without its changes", epoch, e);
    }
  }
}
