package dev.larder.perf.sim;

import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.tracker.Tracker;

/**
 * What a simulated cluster is made of. Rates in bytes per second, times in nanoseconds.
 *
 * @param nodes members that all want the same blob at the same time
 * @param zones members stand in so many zones in turn
 * @param zoneRate of the link, each way, between a zone and all that is outside of it; 0 for none
 * @param blobBytes size of the blob
 * @param upRate each node's sending rate
 * @param downRate each node's receiving rate
 * @param diskRate each node's writing rate
 * @param hashRate each node's rate of checking what came
 * @param sharedRate what cores that all nodes share can take in together; 0 where they share none
 * @param originRate the origin's rate for all together
 * @param latencyNanos one way, between any two
 * @param startNanos members begin within this
 * @param fanOut of the trackers
 * @param parallel stripes a node fetches at once
 * @param window blocks a reader has asked one parent for at once
 * @param cutsThrough whether a block goes on as soon as it came; else with its whole stripe
 * @param troubles what goes wrong
 */
public record Network(
    int nodes,
    int zones,
    double zoneRate,
    long blobBytes,
    double upRate,
    double downRate,
    double diskRate,
    double hashRate,
    double sharedRate,
    double originRate,
    long latencyNanos,
    long startNanos,
    int fanOut,
    int parallel,
    int window,
    boolean cutsThrough,
    Troubles troubles) {
  private static final double GBIT = 1e9 / 8;

  /**
   * What goes wrong.
   *
   * @param dying share of the nodes that die at a random moment of the burst's first half second
   * @param isHostLost whether they go with their hosts, without a word, so that others notice by
   *     their deadlines; else their processes are killed and the kernel says so at once
   * @param slow share of the nodes with a tenth of the sending rate
   * @param waveNanos time between the waves of a rolling restart, which begins with the burst; 0
   *     for none
   * @param waveShare share of the nodes in each wave; each node is in one of them
   * @param downNanos how long a restart takes; the disk is kept, what a tracker knew is lost
   */
  public record Troubles(
      double dying,
      boolean isHostLost,
      double slow,
      long waveNanos,
      double waveShare,
      long downNanos) {
    static final Troubles NONE = new Troubles(0, false, 0, 0, 0, 0);
  }

  /** 25 Gbit/s and 2 GB/s disks, an origin of 100 Gbit/s, 1 GB wanted. */
  public static Network burst(int nodes) {
    return new Network(
        nodes,
        1,
        0,
        1_000_000_000L,
        25 * GBIT,
        25 * GBIT,
        2e9,
        6e9,
        0,
        100 * GBIT,
        100_000,
        20_000_000L,
        Tracker.FAN_OUT,
        FillConfig.STRIPES_AT_ONCE,
        4,
        true,
        Troubles.NONE);
  }

  /**
   * A few nodes behind links of this rate each way, whose disks and origin are not what they wait
   * for; all begin at once. Each asks a run of 16 blocks of a stripe at once.
   *
   * @param sharedRate bytes a second that the cores they share can take in, check and pass on
   */
  public static Network small(int nodes, long blobBytes, double linkRate, double sharedRate) {
    return new Network(
        nodes,
        1,
        0,
        blobBytes,
        linkRate,
        linkRate,
        1e9,
        1e9,
        sharedRate,
        10e9,
        100_000,
        1,
        Tracker.FAN_OUT,
        FillConfig.STRIPES_AT_ONCE,
        16,
        true,
        Troubles.NONE);
  }

  /** The same with a share of nodes whose processes are killed. */
  public Network withDying(double share) {
    return with(new Troubles(share, false, troubles.slow, 0, 0, 0));
  }

  /** The same with a share of nodes that go with their hosts, without a word. */
  public Network withLostHosts(double share) {
    return with(new Troubles(share, true, troubles.slow, 0, 0, 0));
  }

  /** The same with a share of nodes that send slowly. */
  public Network withSlow(double share) {
    return with(new Troubles(troubles.dying, troubles.isHostLost, share, 0, 0, 0));
  }

  /** The same while nodes are restarted, a hundredth of them every 100 ms, away for a second. */
  public Network withRestarts() {
    return with(new Troubles(0, false, 0, 100_000_000L, 0.01, 1_000_000_000L));
  }

  /** The same spread over zones, with links between them. */
  public Network withZones(int count, double gigabits) {
    return with(upRate, downRate, count, gigabits * GBIT, fanOut, cutsThrough, troubles);
  }

  /** The same with one reader a parent, who gets nothing before the parent has the stripe whole. */
  public Network withOneSlotAndNoCutThrough() {
    return with(upRate, downRate, zones, zoneRate, 1, false, troubles);
  }

  /** The same with another number of stripes at once, to compare. */
  public Network withParallel(int stripes) {
    return new Network(
        nodes,
        zones,
        zoneRate,
        blobBytes,
        upRate,
        downRate,
        diskRate,
        hashRate,
        sharedRate,
        originRate,
        latencyNanos,
        startNanos,
        fanOut,
        stripes,
        window,
        cutsThrough,
        troubles);
  }

  private Network with(Troubles newTroubles) {
    return with(upRate, downRate, zones, zoneRate, fanOut, cutsThrough, newTroubles);
  }

  private Network with(
      double up,
      double down,
      int newZones,
      double newZoneRate,
      int newFanOut,
      boolean cuts,
      Troubles newTroubles) {
    return new Network(
        nodes,
        newZones,
        newZoneRate,
        blobBytes,
        up,
        down,
        diskRate,
        hashRate,
        sharedRate,
        originRate,
        latencyNanos,
        startNanos,
        newFanOut,
        parallel,
        window,
        cuts,
        newTroubles);
  }

  /**
   * No node can be done before this, in seconds: its wire, its disk, the origin, the zone's link.
   */
  public double boundSeconds() {
    double rate = Math.min(Math.min(downRate, diskRate), Math.min(hashRate, originRate));
    return blobBytes / (zoneRate > 0 ? Math.min(rate, zoneRate) : rate);
  }
}
