package dev.larder.coordinator.raft;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.RaftConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.rpc.SupportedRpcType;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;

/** Ratis' settings where its defaults would lose data, fill a disk or step down in a pause. */
final class RaftSettings {
  // Long enough to learn from the log who leads; alone there is nobody to hear from.
  private static final Duration FIRST_ELECTION_ALONE = Duration.ofMillis(20);

  /**
   * Ratis ends a server that stood still for a minute, a suspended machine say, and nobody starts
   * it again. A leader that comes back late is told so by the others' term; that is enough.
   */
  private static final TimeDuration NEVER = TimeDuration.valueOf(10_000, TimeUnit.DAYS);

  /** After which a peer that does not answer is spoken of: longer than a restart takes. */
  private static final TimeDuration SILENT = TimeDuration.valueOf(20, TimeUnit.SECONDS);

  private static final int SNAPSHOTS_KEPT = 3;
  private static final long ENTRIES_KEPT_FOR_SLOW_PEERS = 10_000;
  private static final int PURGE_GAP = 1024;
  private static final SizeInBytes SEGMENT = SizeInBytes.valueOf("8MB");
  private static final SizeInBytes PREALLOCATED = SizeInBytes.valueOf("1MB");
  private static final SizeInBytes WRITE_BUFFER = SizeInBytes.valueOf("8MB");
  private static final SizeInBytes APPEND_BYTES = SizeInBytes.valueOf("4MB");
  private static final SizeInBytes QUEUE_BYTES = SizeInBytes.valueOf("16MB");
  private static final int QUEUE_ELEMENTS = 4096;
  private static final int THREADS = 8;

  private RaftSettings() {}

  static RaftProperties of(RaftConfig config) {
    RaftProperties properties = new RaftProperties();
    RaftConfigKeys.Rpc.setType(properties, SupportedRpcType.GRPC);
    // Ratis' default lies in /tmp.
    RaftServerConfigKeys.setStorageDir(
        properties, List.of(config.directory().resolve("raft").toFile()));
    RaftServerConfigKeys.setRemovedGroupsDir(
        properties, config.directory().resolve("raft-removed").toFile());
    RaftServerConfigKeys.setStorageFreeSpaceMin(
        properties, SizeInBytes.valueOf(config.freeSpaceMinBytes()));
    network(properties, config);
    elections(properties, config);
    log(properties);
    snapshots(properties, config);
    RaftServerConfigKeys.Read.setOption(properties, RaftServerConfigKeys.Read.Option.LINEARIZABLE);
    RaftServerConfigKeys.RetryCache.setExpiryTime(
        properties, TimeDuration.valueOf(10, TimeUnit.MINUTES));
    RaftServerConfigKeys.ThreadPool.setProxySize(properties, THREADS);
    RaftServerConfigKeys.ThreadPool.setServerSize(properties, THREADS);
    RaftServerConfigKeys.ThreadPool.setClientSize(properties, THREADS);
    RaftServerConfigKeys.ThreadPool.setProxyCached(properties, false);
    RaftServerConfigKeys.ThreadPool.setServerCached(properties, false);
    RaftServerConfigKeys.ThreadPool.setClientCached(properties, false);
    return properties;
  }

  private static void network(RaftProperties properties, RaftConfig config) {
    GrpcConfigKeys.Server.setHost(properties, config.host());
    GrpcConfigKeys.Server.setPort(properties, config.port());
    GrpcConfigKeys.Server.setAsyncRequestThreadPoolSize(properties, THREADS);
    GrpcConfigKeys.Server.setAsyncRequestThreadPoolCached(properties, false);
  }

  private static void elections(RaftProperties properties, RaftConfig config) {
    // Apart enough for one to come first. Ratis looks once a timeout whether the leader was heard
    // since the last look, so a death is noticed after up to two of them.
    TimeDuration min = duration(config.electionTimeout());
    TimeDuration max = duration(config.electionTimeout().multipliedBy(5).dividedBy(4));
    RaftServerConfigKeys.Rpc.setTimeoutMin(properties, min);
    RaftServerConfigKeys.Rpc.setTimeoutMax(properties, max);
    boolean alone = config.alone();
    RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMin(
        properties, alone ? duration(FIRST_ELECTION_ALONE) : min);
    RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMax(
        properties, alone ? duration(FIRST_ELECTION_ALONE.multipliedBy(2)) : max);
    RaftServerConfigKeys.setCloseThreshold(properties, NEVER);
    RaftServerConfigKeys.Rpc.setSlownessTimeout(properties, SILENT);
  }

  private static void log(RaftProperties properties) {
    RaftServerConfigKeys.Log.setUseMemory(properties, false);
    RaftServerConfigKeys.Log.setUnsafeFlushEnabled(properties, false);
    RaftServerConfigKeys.Log.setAsyncFlushEnabled(properties, false);
    RaftServerConfigKeys.Log.setCorruptionPolicy(
        properties, RaftServerConfigKeys.Log.CorruptionPolicy.EXCEPTION);
    RaftServerConfigKeys.Log.setPurgeUptoSnapshotIndex(properties, true);
    RaftServerConfigKeys.Log.setPurgePreservationLogNum(properties, ENTRIES_KEPT_FOR_SLOW_PEERS);
    RaftServerConfigKeys.Log.setPurgeGap(properties, PURGE_GAP);
    RaftServerConfigKeys.Log.setSegmentSizeMax(properties, SEGMENT);
    RaftServerConfigKeys.Log.setPreallocatedSize(properties, PREALLOCATED);
    RaftServerConfigKeys.Log.setWriteBufferSize(properties, WRITE_BUFFER);
    RaftServerConfigKeys.Log.setQueueByteLimit(properties, QUEUE_BYTES);
    RaftServerConfigKeys.Log.setQueueElementLimit(properties, QUEUE_ELEMENTS);
    RaftServerConfigKeys.Log.Appender.setBufferByteLimit(properties, APPEND_BYTES);
    RaftServerConfigKeys.Write.setByteLimit(properties, QUEUE_BYTES);
    RaftServerConfigKeys.Write.setElementLimit(properties, QUEUE_ELEMENTS);
  }

  private static void snapshots(RaftProperties properties, RaftConfig config) {
    RaftServerConfigKeys.Snapshot.setAutoTriggerEnabled(properties, true);
    RaftServerConfigKeys.Snapshot.setAutoTriggerThreshold(properties, config.snapshotEvery());
    RaftServerConfigKeys.Snapshot.setTriggerWhenStopEnabled(properties, false);
    RaftServerConfigKeys.Snapshot.setRetentionFileNum(properties, SNAPSHOTS_KEPT);
    RaftServerConfigKeys.Log.Appender.setInstallSnapshotEnabled(properties, true);
  }

  private static TimeDuration duration(Duration duration) {
    return TimeDuration.valueOf(duration.toMillis(), TimeUnit.MILLISECONDS);
  }
}
