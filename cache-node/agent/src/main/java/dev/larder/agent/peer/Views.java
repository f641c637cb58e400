package dev.larder.agent.peer;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.cluster.ClusterView;
import dev.larder.agent.cluster.Peer;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The newest member list: the coordinator's, or for a short time a newer one that a tracker
 * answered with, until the coordinator's is here too. Any thread.
 */
final class Views {
  /** A list that the coordinator does not confirm by then was wrong. */
  private static final long BELIEVED_NANOS = Duration.ofSeconds(10).toNanos();

  private final Cluster cluster;
  private volatile @Nullable Learned learned;

  private record Learned(ClusterView view, long untilNanos) {}

  Views(Cluster cluster) {
    this.cluster = cluster;
  }

  String self() {
    return cluster.self();
  }

  ClusterView now() {
    ClusterView own = cluster.view();
    Learned told = learned;
    if (told == null) {
      return own;
    }
    if (told.view.epoch() <= own.epoch() || System.nanoTime() - told.untilNanos >= 0) {
      learned = null;
      return own;
    }
    return told.view;
  }

  /** Takes a list that a tracker sent; answers whether it is news. */
  boolean learn(long epoch, List<Peer> members) {
    if (members.isEmpty() || epoch <= now().epoch()) {
      return false;
    }
    learned = new Learned(new ClusterView(epoch, members), System.nanoTime() + BELIEVED_NANOS);
    return true;
  }
}
