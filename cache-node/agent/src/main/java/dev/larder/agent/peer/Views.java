package dev.larder.agent.peer;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.cluster.ClusterView;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The member list this node goes by: the coordinator's and nobody else's. A member's word that
 * there is a newer one has the coordinator asked. Any thread.
 */
final class Views {
  /** Longest wait for the coordinator's list once a tracker hinted at one. */
  private static final long WAIT_NANOS = Duration.ofMillis(500).toNanos();

  /** After a wait for nothing nobody waits for so long: the hint was wrong, or nobody answers. */
  private static final long VAIN_NANOS = Duration.ofSeconds(10).toNanos();

  private final Cluster cluster;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private boolean wasVain;
  private long vainUntilNanos;

  Views(Cluster cluster) {
    this.cluster = cluster;
    cluster.onView(view -> {
      lock.lock();
      try {
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    });
  }

  String self() {
    return cluster.self();
  }

  ClusterView now() {
    return cluster.view();
  }

  /**
   * A member says that it goes by the list of an epoch.
   *
   * @param usedEpoch of the list by which it was asked
   * @param mayWait whether a newer list of the coordinator's is worth a short wait
   * @return whether this node has a newer list than was used
   */
  boolean heard(long epoch, long usedEpoch, boolean mayWait) {
    if (epoch > now().epoch()) {
      cluster.newerHeard(epoch);
      if (mayWait) {
        await(usedEpoch);
      }
    }
    return now().epoch() > usedEpoch;
  }

  private void await(long usedEpoch) {
    lock.lock();
    try {
      if (wasVain && vainUntilNanos - System.nanoTime() > 0) {
        return;
      }
      long left = WAIT_NANOS;
      while (now().epoch() <= usedEpoch && left > 0) {
        left = changed.awaitNanos(left);
      }
      wasVain = now().epoch() <= usedEpoch;
      vainUntilNanos = System.nanoTime() + VAIN_NANOS;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }
}
