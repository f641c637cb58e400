package dev.larder.agent.cluster;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.MemberChange;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.protocol.BlobKey;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The members as the coordinator tells them. What was heard last is kept while it is away.
 *
 * <p><b>Threads:</b> any. Listeners hear on one thread; views that come faster than they take them
 * are skipped, so nothing queues up. <b>Ownership:</b> the client stays the caller's.
 */
public final class CoordinatorCluster implements Cluster, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CoordinatorCluster.class);

  private final String self;
  private final CoordinatorClient coordinator;
  private final List<Consumer<ClusterView>> listeners = new CopyOnWriteArrayList<>();
  private final ExecutorService teller =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("cluster-views").factory());
  private volatile LongConsumer newer = epoch -> {};
  private volatile ClusterView view = ClusterView.empty();
  private Map<String, MemberInfo> members = Map.of();
  private boolean telling;

  /** Knows nobody yet. */
  public CoordinatorCluster(String self, CoordinatorClient coordinator) {
    this.self = self;
    this.coordinator = coordinator;
  }

  @Override
  public String self() {
    return self;
  }

  @Override
  public ClusterView view() {
    return view;
  }

  @Override
  public void onView(Consumer<ClusterView> listener) {
    listeners.add(listener);
  }

  /** Who asks the coordinator when a member hints at a newer view. */
  public void onNewer(LongConsumer asker) {
    newer = asker;
  }

  @Override
  public void newerHeard(long epoch) {
    newer.accept(epoch);
  }

  @Override
  public List<String> holders(BlobKey key) {
    return coordinator.holders(key);
  }

  /** The members of the present view as the coordinator told them, by id. */
  public synchronized Map<String, MemberInfo> members() {
    return members;
  }

  /** Takes a whole list, if it is newer. */
  public synchronized void list(MemberList list) {
    if (list.epoch() > view.epoch()) {
      Map<String, MemberInfo> all = new TreeMap<>();
      list.members().forEach(member -> all.put(member.id(), member));
      take(list.epoch(), all);
    }
  }

  /**
   * Takes a change.
   *
   * @return whether the present view is now at least that of the change; else the list is needed
   */
  public synchronized boolean change(MemberChange change) {
    if (view.epoch() >= change.epoch()) {
      return true;
    }
    if (view.epoch() != change.fromEpoch()) {
      return false;
    }
    Map<String, MemberInfo> all = new TreeMap<>(members);
    change.put().forEach(member -> all.put(member.id(), member));
    change.removed().forEach(all::remove);
    take(change.epoch(), all);
    return true;
  }

  private void take(long epoch, Map<String, MemberInfo> all) {
    members = Map.copyOf(all);
    view = new ClusterView(epoch, all.values().stream().map(CoordinatorCluster::peer).toList());
    if (!telling) {
      telling = true;
      try {
        teller.execute(this::tell);
      } catch (RejectedExecutionException e) {
        log.debug("epoch={} comes after the end", epoch, e);
      }
    }
  }

  private void tell() {
    ClusterView now;
    synchronized (this) {
      telling = false;
      now = view;
    }
    for (Consumer<ClusterView> listener : listeners) {
      try {
        listener.accept(now);
      } catch (RuntimeException e) {
        log.error("a listener failed to take epoch={}", now.epoch(), e);
      }
    }
  }

  private static Peer peer(MemberInfo member) {
    return new Peer(member.id(), member.address(), member.zone(), member.weight());
  }

  /** Tells no more; the view stays. */
  @Override
  public void close() {
    teller.shutdown();
  }
}
