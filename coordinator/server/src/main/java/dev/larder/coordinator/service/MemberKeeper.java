package dev.larder.coordinator.service;

import dev.larder.coordinator.logic.MemberWatch;
import dev.larder.coordinator.logic.MemberWatch.Due;
import dev.larder.coordinator.logic.Queries;
import dev.larder.coordinator.raft.RaftNode;
import dev.larder.protocol.LarderException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where its coordinator leads: has absent members removed, newcomers track, and epochs published.
 * One thread looks a few times a second; all members are gone through once a second.
 */
public final class MemberKeeper implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MemberKeeper.class);
  private static final long LOOK_MILLIS = 200;
  private static final int LOOKS_PER_ROUND = 5;

  private final RaftNode node;
  private final LocalCoordinator coordinator;
  private final MemberWatch watch;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("coordinator-members").factory());
  // The timer's own.
  private boolean led;
  private int looks;

  /** Begins to look; all parts stay the caller's. */
  public MemberKeeper(RaftNode node, LocalCoordinator coordinator, MemberWatch watch) {
    this.node = node;
    this.coordinator = coordinator;
    this.watch = watch;
    timer.scheduleWithFixedDelay(this::look, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Hears that this coordinator leads, or does no longer. */
  void leads(boolean leads) {
    if (leads) {
      watch.begin();
    } else {
      coordinator.endStreams();
    }
  }

  private void look() {
    try {
      boolean leads = node.isLeader();
      boolean all = leads && (!led || ++looks >= LOOKS_PER_ROUND);
      led = leads;
      if (all || (leads && node.readLocal(Queries::isUnpublished))) {
        looks = 0;
        if (coordinator.isFull()) {
          return;
        }
        act(watch.due(node.readLocal(Queries::memberFacts)));
      }
    } catch (LarderException e) {
      log.debug("members are looked at again later", e);
    } catch (RuntimeException e) {
      log.error("looking at members broke; going on", e);
    }
  }

  private void act(Due due) {
    if (due.isNothing()) {
      return;
    }
    if (!due.gone().isEmpty()) {
      log.info("members removed, not seen for coordinator.member-deadline ids={}", due.gone());
    }
    coordinator.change(due);
  }

  /** Looks no more. */
  @Override
  public void close() {
    timer.shutdownNow();
  }
}
