package dev.larder.dist;

import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorPeer;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.DatasetDefinition;
import dev.larder.coordinator.api.DatasetList;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.NewWarmUp;
import dev.larder.coordinator.api.PathPin;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.coordinator.api.WarmUpJob;
import dev.larder.coordinator.api.WarmUpOverview;
import dev.larder.coordinator.api.Work;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * The coordinator inside of a node, which is started after what serves reads: a node that comes
 * back has readers waiting, and none of them needs a coordinator. Calls made before wait for it.
 *
 * <p><b>Threads:</b> one starts and closes; calls from any. <b>Ownership:</b> the coordinator is
 * closed with this. <b>Errors:</b> besides the coordinator's own, COORDINATOR_UNAVAILABLE when it
 * did not start, or not within the wait.
 */
final class LateCoordinator implements CoordinatorClient {
  private final Duration wait;
  private final CompletableFuture<CoordinatorServer> server = new CompletableFuture<>();

  /**
   * A coordinator that is not started.
   *
   * @param wait longest that a call waits for the start
   */
  LateCoordinator(Duration wait) {
    this.wait = wait;
  }

  /** Starts it; once. A fault of the start is thrown here and told to whoever waits. */
  CoordinatorServer start(Supplier<CoordinatorServer> starter) {
    try {
      CoordinatorServer running = starter.get();
      server.complete(running);
      return running;
    } catch (RuntimeException e) {
      server.completeExceptionally(e);
      throw e;
    }
  }

  private CoordinatorClient started() {
    try {
      return server.get(wait.toNanos(), TimeUnit.NANOSECONDS).client();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(
          ErrorCode.CANCELLED, "interrupted while the coordinator was being started", e);
    } catch (TimeoutException e) {
      throw new LarderException(
          ErrorCode.COORDINATOR_UNAVAILABLE,
          "the coordinator was not started within coordinator.start-timeout = " + wait,
          e);
    } catch (ExecutionException e) {
      throw new LarderException(
          ErrorCode.COORDINATOR_UNAVAILABLE, "the coordinator did not start: " + e.getCause(), e);
    }
  }

  @Override
  public long join(MemberInfo member) {
    return started().join(member);
  }

  @Override
  public long leave(String memberId) {
    return started().leave(memberId);
  }

  @Override
  public MemberList members() {
    return started().members();
  }

  @Override
  public long drain(String memberId, boolean undo) {
    return started().drain(memberId, undo);
  }

  @Override
  public Attendance attend(String memberId, AttendanceListener notices) {
    return started().attend(memberId, notices);
  }

  @Override
  public DatasetDefinition createDataset(
      DatasetName name, String originUri, Map<String, String> originOptions) {
    return started().createDataset(name, originUri, originOptions);
  }

  @Override
  public DatasetDefinition dataset(DatasetName name) {
    return started().dataset(name);
  }

  @Override
  public DatasetList datasetList() {
    return started().datasetList();
  }

  @Override
  public void deleteDataset(DatasetName name) {
    started().deleteDataset(name);
  }

  @Override
  public SnapshotDefinition addSnapshot(DatasetName dataset, NewSnapshot snapshot) {
    return started().addSnapshot(dataset, snapshot);
  }

  @Override
  public DatasetDefinition deleteSnapshots(DatasetName dataset, Collection<Long> numbers) {
    return started().deleteSnapshots(dataset, numbers);
  }

  @Override
  public List<RecordedRoot> recordRoots(List<RecordedRoot> roots) {
    return started().recordRoots(roots);
  }

  @Override
  public Map<BlobKey, RecordedRoot> roots(Collection<BlobKey> keys) {
    return started().roots(keys);
  }

  @Override
  public List<String> holders(BlobKey key) {
    return started().holders(key);
  }

  @Override
  public PathPin pin(NewPin pin, Duration ttl) {
    return started().pin(pin, ttl);
  }

  @Override
  public boolean unpin(DatasetName dataset, long snapshot, String glob, String owner) {
    return started().unpin(dataset, snapshot, glob, owner);
  }

  @Override
  public boolean movePin(NewPin pin, String toOwner) {
    return started().movePin(pin, toOwner);
  }

  @Override
  public WarmUpJob warmUp(NewWarmUp wish) {
    return started().warmUp(wish);
  }

  @Override
  public WarmUpJob cancelWarmUp(String id) {
    return started().cancelWarmUp(id);
  }

  @Override
  public List<WarmUpOverview> warmUps() {
    return started().warmUps();
  }

  @Override
  public Work work(String memberId) {
    return started().work(memberId);
  }

  @Override
  public List<PathPin> pins() {
    return started().pins();
  }

  @Override
  public CoordinatorStatus status() {
    return started().status();
  }

  @Override
  public List<CoordinatorPeer> coordinators() {
    return started().coordinators();
  }

  @Override
  public List<CoordinatorPeer> replaceCoordinator(
      String removeId, String addId, String addRaftAddress) {
    return started().replaceCoordinator(removeId, addId, addRaftAddress);
  }

  /** Ends the coordinator; who still waits for its start gets CLOSED as the reason. */
  @Override
  public void close() {
    server.completeExceptionally(
        new LarderException(ErrorCode.CLOSED, "the node is shutting down"));
    if (!server.isCompletedExceptionally()) {
      server.join().close();
    }
  }
}
