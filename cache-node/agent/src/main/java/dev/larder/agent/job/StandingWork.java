package dev.larder.agent.job;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.Dispute;
import dev.larder.coordinator.api.HandOver;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberState;
import dev.larder.coordinator.api.NodeProgress;
import dev.larder.coordinator.api.NodeSelector;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpProgress;
import dev.larder.coordinator.api.Work;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.StoreListener;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does on this node what the coordinator says of all: follows its pins, sees to the warm-ups whose
 * selector means it, and hands over what it keeps while it drains. Whom a selector means each node
 * finds out by itself from the members it knows. One thread of its own asks and starts; everything
 * else may be called from any and waits for nothing.
 */
public final class StandingWork implements StoreListener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(StandingWork.class);
  private static final Duration CLOSE_WAIT = Duration.ofSeconds(5);

  /** Between tries of a coordinator that does not answer, and steps of a hand-over. */
  private static final long STEP_MILLIS = 500;

  private final String self;
  private final CoordinatorClient coordinator;
  private final Supplier<Map<String, MemberInfo>> members;
  private final LocalPins pins;
  private final BlobStore store;
  private final StandingWarmUp.Parts parts;
  private final Semaphore slots;
  private final AtomicLong retries = new AtomicLong();
  private final Map<String, StandingWarmUp> atWork = new ConcurrentHashMap<>();
  private final ArrayBlockingQueue<Boolean> wakeUps = new ArrayBlockingQueue<>(1);
  private final HandingOver handingOver;
  private final Thread thread;
  private volatile long toldVersion = -1;
  private volatile boolean isClosing;
  private volatile @Nullable HandOver handOver;
  private volatile Consumer<List<Dispute>> disputes = none -> {};
  // The thread's own.
  private long version = -1;
  private @Nullable Work work;

  StandingWork(
      JobsConfig.Standing config,
      String self,
      CoordinatorClient coordinator,
      Supplier<Map<String, MemberInfo>> members,
      LocalPins pins,
      BlobStore store,
      StandingWarmUp.Parts parts) {
    this.self = self;
    this.coordinator = coordinator;
    this.members = members;
    this.pins = pins;
    this.store = store;
    this.parts = parts;
    this.slots = new Semaphore(config.parallelMax(), true);
    this.handingOver = new HandingOver(self, coordinator, pins);
    this.thread = Thread.ofPlatform().daemon().name("standing-work").unstarted(this::run);
  }

  /** Hands in who hears of disputes over roots, on this object's thread; before the start. */
  public void disputesTo(Consumer<List<Dispute>> listener) {
    disputes = listener;
  }

  void start() {
    store.addListener(this);
    thread.start();
  }

  /** The coordinator has pins and warm-ups of this version. */
  public void version(long told) {
    toldVersion = told;
    wake();
  }

  /** The members are others. */
  public void membersChanged() {
    wake();
  }

  /** How things stand, for the next report. */
  public NodeProgress progress() {
    List<WarmUpProgress> all = atWork.values().stream().map(StandingWarmUp::progress).toList();
    return new NodeProgress(all, Optional.ofNullable(handOver));
  }

  /** Present figures by metric name. */
  public Map<String, Long> gauges() {
    Map<String, Long> out = new HashMap<>();
    List<WarmUpProgress> all = progress().warmUps();
    out.put("warm_ups_standing", (long) all.size());
    out.put("warm_ups_ready", count(all, WarmUpProgress.State.READY));
    out.put("warm_ups_failed", count(all, WarmUpProgress.State.FAILED));
    return out;
  }

  /** Tries of warm-ups over nodes after a failure. */
  public long retries() {
    return retries.get();
  }

  private static long count(List<WarmUpProgress> all, WarmUpProgress.State state) {
    return all.stream().filter(each -> each.state() == state).count();
  }

  @Override
  public void onSealed(SealedInfo info) {}

  @Override
  public void onGone(BlobKey key, boolean whole) {
    atWork.values().forEach(StandingWarmUp::somethingIsGone);
  }

  @Override
  public void close() {
    isClosing = true;
    atWork.values().forEach(StandingWarmUp::stop);
    thread.interrupt();
    try {
      if (thread.isAlive() && !thread.join(CLOSE_WAIT)) {
        log.warn("standing work does not end in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void wake() {
    if (!wakeUps.offer(true)) {
      log.trace("another look is due already");
    }
  }

  private void run() {
    while (!isClosing) {
      boolean again;
      try {
        again = round();
      } catch (LarderException e) {
        log.debug("standing work is looked at again soon", e);
        again = e.code() != ErrorCode.CANCELLED;
      } catch (RuntimeException e) {
        log.error("standing work broke; going on", e);
        again = true;
      }
      try {
        if (again) {
          wakeUps.poll(STEP_MILLIS, TimeUnit.MILLISECONDS);
        } else {
          wakeUps.take();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Whether to look again by itself. */
  private boolean round() {
    boolean again = false;
    long told = toldVersion;
    if (told != version) {
      again = !ask(told);
    }
    Map<String, MemberInfo> known = members.get();
    MemberInfo me = known.get(self);
    // Before the list of members is known nobody is meant, and nothing is to end for that.
    if (work == null || me == null) {
      return again;
    }
    boolean drains = me.state() == MemberState.DRAINING;
    settle(known, drains);
    if (drains) {
      handOver = handingOver.step(standing());
      return true;
    }
    if (handOver != null) {
      handingOver.undo();
      handOver = null;
    }
    return again;
  }

  /** Takes what the coordinator says; false where that must be asked again. */
  private boolean ask(long told) {
    long asOf = pins.changes();
    Work heard = coordinator.work(self);
    disputes.accept(heard.disputes());
    LocalPins.Followed followed = pins.follow(heard.pins(), asOf);
    if (followed == LocalPins.Followed.NOT) {
      // Pins that come from a warm-up are taken over before its files are let go.
      return false;
    }
    work = heard;
    // One from before what was told of would be followed by no word.
    if (followed == LocalPins.Followed.WHOLLY && heard.version() >= told) {
      version = told;
      return true;
    }
    return false;
  }

  private Map<String, WarmUpJob> standing() {
    Map<String, WarmUpJob> byId = new HashMap<>();
    Work last = work;
    if (last != null) {
      last.warmUps().forEach(job -> byId.put(job.id(), job));
    }
    return byId;
  }

  private void settle(Map<String, MemberInfo> known, boolean drains) {
    Map<String, WarmUpJob> standing = standing();
    for (WarmUpJob job : standing.values()) {
      boolean isMeant = NodeSelector.parse(job.nodes()).of(known.values(), job.id()).contains(self);
      if (isMeant) {
        atWork.computeIfAbsent(job.id(), id -> begun(job));
      } else {
        stop(job.id());
        if (!drains) {
          pins.release(job.id());
        }
      }
    }
    for (String id : List.copyOf(atWork.keySet())) {
      if (!standing.containsKey(id)) {
        stop(id);
      }
    }
    for (String id : pins.held()) {
      if (!standing.containsKey(id)) {
        pins.release(id);
      }
    }
  }

  private StandingWarmUp begun(WarmUpJob job) {
    log.info("this node sees to warm-up id={} of={}@{}", job.id(), job.dataset(), job.snapshot());
    StandingWarmUp made = new StandingWarmUp(job, parts, slots, retries);
    parts.threads().execute(made);
    return made;
  }

  private void stop(String id) {
    StandingWarmUp ended = atWork.remove(id);
    if (ended != null) {
      ended.stop();
      log.info("this node no longer sees to warm-up id={}", id);
    }
  }
}
