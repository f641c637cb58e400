package dev.larder.agent;

import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.dataset.DatasetConfig;
import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.http.HttpDoorConfig;
import dev.larder.agent.job.JobsConfig;
import dev.larder.agent.peer.PeerConfig;
import dev.larder.agent.read.ReadConfig;
import dev.larder.origin.OriginLimits;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.MinFree;
import dev.larder.store.StoreConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * How an agent is set up. Each component documents its keys; every key has a default, and an
 * unknown one stops the start.
 *
 * @param directory the data directory, the same as the store's
 */
public record AgentConfig(
    Path directory,
    StoreConfig store,
    OriginLimits origin,
    FillConfig fill,
    ReadConfig read,
    DatasetConfig dataset,
    JobsConfig jobs,
    HttpDoorConfig http,
    NodeConfig node,
    PeerConfig peer) {

  /** Where the front door listens unless told otherwise. */
  public static final int PORT = 7450;

  /** Everything by default. */
  public static AgentConfig defaults(Path directory) {
    return of(directory, new ConfigTree(java.util.Map.of()));
  }

  /** The same as a member of this id. */
  public AgentConfig identified(String id) {
    return new AgentConfig(
        directory, store, origin, fill, read, dataset, jobs, http, node.identified(id), peer);
  }

  /**
   * Takes every key from a tree.
   *
   * @throws dev.larder.protocol.LarderException BAD_CONFIG that names the key
   */
  public static AgentConfig of(Path directory, ConfigTree tree) {
    AgentConfig config =
        new AgentConfig(
            directory,
            store(directory, tree),
            origin(tree),
            fill(tree),
            read(tree),
            dataset(tree),
            jobs(tree),
            http(tree),
            node(tree),
            peer(tree));
    tree.rejectRest();
    return config;
  }

  private static StoreConfig store(Path directory, ConfigTree tree) {
    StoreConfig base = StoreConfig.defaults(directory);
    StoreConfig.Limits limits = base.limits();
    return new StoreConfig(
        directory,
        tree.size("store.disk-max", base.diskMaxBytes()),
        MinFree.parse(tree.text("store.disk-min-free", "10%")),
        tree.size("store.block-cache", base.blockCacheBytes()),
        tree.size("store.write-buffer", base.writeBufferBytes()),
        tree.count("store.open-files-max", base.openFilesMax()),
        tree.duration("store.commit-delay", base.commitDelay()),
        tree.size("store.commit-bytes-max", base.commitBytesMax()),
        new StoreConfig.Limits(
            tree.size("store.hot-blobs-max", limits.hotBlobsMax()),
            tree.size("store.hot-digests", limits.hotDigestBytes()),
            tree.size("store.buffers", limits.bufferBytes()),
            tree.count("store.sync-threads", limits.syncThreads()),
            tree.size("store.quarantine-max", limits.quarantineBytesMax()),
            tree.count("store.refused-victims-max", limits.refusedVictimsMax()),
            tree.duration("store.order-save-interval", limits.saveInterval())));
  }

  private static OriginLimits origin(ConfigTree tree) {
    OriginLimits base = OriginLimits.defaults();
    return new OriginLimits(
        tree.count("origin.connections-max", base.connectionsMax()),
        tree.size("origin.bandwidth-max", base.bytesPerSecond()),
        tree.duration("origin.progress-deadline", base.progressDeadline()),
        tree.count("origin.attempts-max", base.attemptsMax()),
        tree.duration("origin.retry-delay-min", base.retryDelayMin()),
        tree.duration("origin.retry-delay-max", base.retryDelayMax()));
  }

  private static FillConfig fill(ConfigTree tree) {
    FillConfig base = FillConfig.defaults();
    return new FillConfig(
        tree.size("fill.inflight-max", base.inflightMaxBytes()),
        tree.count("fill.parallel-max", base.parallelMax()),
        tree.count("fill.blob-parallel-max", base.blobParallelMax()),
        tree.size("fill.run-max", base.runMaxBytes()),
        tree.size("fill.read-ahead-max", base.readAheadMaxBytes()),
        tree.count("fill.streams-max", base.streamsMax()),
        tree.size("fill.buffers-max", base.buffersMaxBytes()),
        tree.count("fill.hash-threads", base.hashThreads()),
        tree.count("fill.blobs-max", base.blobsMax()),
        tree.duration("fill.linger", base.lingerFor()),
        tree.count("fill.siblings-max", base.siblingsMax()),
        tree.count("fill.small-parallel-max", base.smallParallelMax()),
        tree.duration("fill.lease-deadline", base.leaseDeadline()),
        tree.count("fill.tracked-stripes-max", base.trackedStripesMax()),
        tree.size("fill.checksum-min", base.checksumMinBytes()),
        tree.duration("fill.checksum-wait", base.checksumWait()),
        tree.duration("fill.store-retry", base.storeRetryAfter()));
  }

  private static ReadConfig read(ConfigTree tree) {
    ReadConfig base = ReadConfig.defaults();
    return new ReadConfig(
        tree.size("read.small-cache", base.smallCacheBytes()),
        tree.count("read.passthrough-max", base.passThroughMax()));
  }

  private static DatasetConfig dataset(ConfigTree tree) {
    DatasetConfig base = DatasetConfig.defaults();
    return new DatasetConfig(
        tree.count("dataset.max", base.datasetsMax()),
        tree.count("dataset.snapshots-max", base.snapshotsMax()),
        tree.size("dataset.sort-memory", base.sortMemoryBytes()),
        tree.count("dataset.listings-max", base.listingsMax()),
        tree.duration("dataset.sync-interval", base.syncEvery()));
  }

  private static JobsConfig jobs(ConfigTree tree) {
    JobsConfig base = JobsConfig.defaults();
    return new JobsConfig(
        tree.count("jobs.max", base.jobsMax()),
        tree.count("jobs.kept-max", base.keptMax()),
        tree.count("jobs.parallel-max", base.parallelMax()),
        tree.count("jobs.pins-max", base.pinsMax()),
        tree.size("jobs.bandwidth-max", base.bandwidthMax()),
        new JobsConfig.Standing(
            tree.count("jobs.warm-ups-parallel-max", base.standing().parallelMax()),
            tree.duration("jobs.retry-min", base.standing().retryMin()),
            tree.duration("jobs.retry-max", base.standing().retryMax()),
            tree.duration("jobs.recheck-delay", base.standing().recheckAfter())));
  }

  private static HttpDoorConfig http(ConfigTree tree) {
    HttpDoorConfig base = HttpDoorConfig.defaults(PORT);
    return new HttpDoorConfig(
        tree.text("http.host", base.host()),
        tree.count("http.port", base.port()),
        Set.copyOf(tree.list("http.hosts-allowed", List.copyOf(base.hostsAllowed()))),
        tree.count("http.connections-max", base.connectionsMax()),
        tree.count("http.event-loops", base.eventLoops()),
        tree.count("http.workers", base.workers()),
        tree.count("http.worker-queue-max", base.workerQueueMax()),
        tree.count("http.streams-max", base.streamsMax()),
        (int) tree.size("http.request-line-max", base.lineBytesMax()),
        (int) tree.size("http.headers-max", base.headerBytesMax()),
        (int) tree.size("http.body-max", base.bodyBytesMax()),
        tree.duration("http.idle-timeout", base.idleTimeout()),
        tree.duration("http.stall-timeout", base.stallTimeout()),
        tree.size("http.span-max", base.spanBytesMax()),
        tree.duration("http.drain-timeout", base.drainTimeout()));
  }

  private static NodeConfig node(ConfigTree tree) {
    NodeConfig base = NodeConfig.defaults();
    return new NodeConfig(
        tree.text("node.address", base.address()),
        tree.text("node.id", base.id()),
        tree.text("node.zone", base.zone()),
        tree.list("node.labels", base.labels()),
        tree.duration("node.report-interval", base.reportEvery()),
        tree.duration("node.heartbeat-interval", base.heartbeatEvery()),
        tree.count("node.reports-max", base.reportsMax()),
        tree.size("scrub.bytes-per-second", base.scrubBytesPerSecond()));
  }

  private static PeerConfig peer(ConfigTree tree) {
    PeerConfig base = PeerConfig.defaults();
    int bodyMaxBytes = (int) tree.size("peer.body-max", base.bodyMaxBytes());
    return new PeerConfig(
        tree.text("peer.listen", base.listen()),
        isPlain(tree.text("peer.tls", "required")),
        tree.count("peer.connections-max", base.connectionsMax()),
        tree.count("peer.requests-max", base.requestsMax()),
        tree.size("peer.buffers-max", base.buffersMaxBytes()),
        bodyMaxBytes,
        tree.count("peer.event-loops", base.eventLoops()),
        tree.duration("peer.idle-timeout", base.idleTimeout()),
        tree.duration("peer.stall-timeout", base.stallTimeout()),
        tree.count("peer.per-member-max", base.perMemberMax()),
        tree.duration("peer.connect-timeout", base.connectTimeout()),
        tree.duration("peer.progress-deadline", base.progressDeadline()),
        tree.duration("peer.demote-for", base.demoteFor()),
        tree.count("peer.stripes-max", base.stripesMax()),
        tree.size("peer.upload-max", base.uploadMax()),
        tree.size("peer.download-max", base.downloadMax()),
        tree.count("peer.ask-connections-max", base.askConnectionsMax()),
        tree.size("peer.bodies-max", Math.max(base.bodiesMaxBytes(), bodyMaxBytes)));
  }

  private static boolean isPlain(String tls) {
    return switch (tls) {
      case "required" -> false;
      case "off" -> true;
      default ->
          throw new LarderException(
              ErrorCode.BAD_CONFIG, "peer.tls: \"" + tls + "\" is neither required nor off");
    };
  }
}
