package dev.larder.agent.cluster;

import dev.larder.protocol.BlobKey;
import java.util.List;
import java.util.function.Consumer;

/**
 * What a node knows of its cluster. Any thread; nothing here waits for the network but {@link
 * #holders}.
 */
public interface Cluster {
  /** This node's member id. */
  String self();

  /** The newest view heard; kept while the coordinator is away. */
  ClusterView view();

  /** Hears of each newer view, on a thread of the cluster's that must not be held up. */
  void onView(Consumer<ClusterView> listener);

  /**
   * A member says that it goes by a newer view. A hint and no more: it has the coordinator asked
   * soon, and not often.
   */
  default void newerHeard(long epoch) {}

  /**
   * Members that reported a sealed blob of at least 64 MiB or a catalog; may be stale. Asks the
   * coordinator.
   *
   * @throws dev.larder.protocol.LarderException COORDINATOR_UNAVAILABLE and the like
   */
  List<String> holders(BlobKey key);

  /** A node without a cluster: nobody else is ever known. */
  static Cluster alone(String self) {
    return new Cluster() {
      @Override
      public String self() {
        return self;
      }

      @Override
      public ClusterView view() {
        return ClusterView.empty();
      }

      @Override
      public void onView(Consumer<ClusterView> listener) {}

      @Override
      public List<String> holders(BlobKey key) {
        return List.of();
      }
    };
  }
}
