package dev.larder.dist;

import dev.larder.agent.config.ConfigTree;
import dev.larder.coordinator.CoordinatorConfig.Disputes;
import dev.larder.coordinator.CoordinatorConfig.Fleet;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorConfig.Rows;
import dev.larder.coordinator.CoordinatorConfig.WarmUps;
import dev.larder.coordinator.raft.RocksLimits;

/** Takes the coordinator's bounds, keys {@code coordinator.*}, from the one configuration. */
final class CoordinatorKeys {
  private CoordinatorKeys() {}

  /**
   * The bounds the tree names, the defaults for the rest.
   *
   * @throws dev.larder.protocol.LarderException BAD_CONFIG that names the key
   */
  static Limits of(ConfigTree tree) {
    Limits base = Limits.defaults();
    RocksLimits rocks = base.rocks();
    return new Limits(
        tree.duration("coordinator.request-timeout", base.requestTimeout()),
        tree.duration("coordinator.start-timeout", base.startTimeout()),
        tree.duration("coordinator.close-timeout", base.closeTimeout()),
        tree.duration("coordinator.election-timeout", base.electionTimeout()),
        tree.count("coordinator.snapshot-every", Math.toIntExact(base.snapshotEvery())),
        tree.size("coordinator.free-space-min", base.freeSpaceMinBytes()),
        new RocksLimits(
            tree.size("coordinator.block-cache", rocks.blockCacheBytes()),
            tree.size("coordinator.write-buffer", rocks.writeBufferBytes()),
            tree.count("coordinator.open-files-max", rocks.openFilesMax()),
            tree.count("coordinator.read-threads", rocks.readThreads())),
        tree.count("coordinator.connections-max", base.connectionsMax()),
        tree.count("coordinator.requests-max", base.requestsMax()),
        tree.count("coordinator.streams-max", base.streamsMax()),
        tree.count("coordinator.batch-max", base.batchMax()),
        tree.count("coordinator.members-max", base.membersMax()),
        tree.count("coordinator.datasets-max", base.datasetsMax()),
        tree.count("coordinator.snapshots-max", base.snapshotsMax()),
        tree.count("coordinator.pins-max", base.pinsMax()),
        tree.duration("coordinator.expiry-interval", base.expiryInterval()),
        new Fleet(
            tree.duration("coordinator.member-deadline", base.fleet().memberDeadline()),
            tree.duration("coordinator.stable-after", base.fleet().stableAfter()),
            tree.duration("coordinator.epoch-interval", base.fleet().epochInterval())),
        new WarmUps(
            tree.count("coordinator.warm-ups-max", base.warmUps().standingMax()),
            tree.count("coordinator.warm-ups-kept-max", base.warmUps().keptMax()),
            tree.count("coordinator.warm-up-glob-max", base.warmUps().globMax()),
            tree.duration("coordinator.warm-up-lasts", base.warmUps().lasts()),
            tree.count("coordinator.warm-up-reports-max", base.warmUps().reportsMax())),
        new Disputes(
            tree.count("coordinator.disputes-max", base.disputes().openMax()),
            tree.count("coordinator.disputes-kept-max", base.disputes().keptMax()),
            tree.duration("coordinator.dispute-read-time", base.disputes().readFor()),
            tree.duration("coordinator.dispute-lasts", base.disputes().lasts())),
        new Rows(
            tree.count("coordinator.roots-max", Math.toIntExact(base.rows().rootsMax())),
            tree.count("coordinator.placements-max", Math.toIntExact(base.rows().placementsMax())),
            tree.count("coordinator.tombstones-max", base.rows().tombstonesMax())));
  }
}
