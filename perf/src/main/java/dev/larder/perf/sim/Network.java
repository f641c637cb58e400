package dev.larder.perf.sim;

/**
 * What a simulated cluster is made of. Rates in bytes per second, times in nanoseconds.
 *
 * @param nodes members that all want the same blob at the same time
 * @param zones members stand in so many zones in turn
 * @param blobBytes size of the blob
 * @param upRate each node's sending rate
 * @param downRate each node's receiving rate
 * @param diskRate each node's writing rate
 * @param originRate the origin's rate for all together
 * @param latencyNanos one way, between any two
 * @param fanOut of the trackers
 * @param parallel stripes a node fetches at once
 * @param window blocks a reader has asked one parent for at once
 * @param detectNanos from a death until its readers notice
 * @param dying share of the nodes that die at a random moment of the burst's first half second
 * @param slow share of the nodes with a tenth of the sending rate
 */
public record Network(
    int nodes,
    int zones,
    long blobBytes,
    double upRate,
    double downRate,
    double diskRate,
    double originRate,
    long latencyNanos,
    int fanOut,
    int parallel,
    int window,
    long detectNanos,
    double dying,
    double slow) {
  private static final double GBIT = 1e9 / 8;

  /** 25 Gbit/s and 2 GB/s disks, an origin of 100 Gbit/s, 1 GB wanted. */
  public static Network burst(int nodes) {
    return new Network(
        nodes,
        1,
        1_000_000_000L,
        25 * GBIT,
        25 * GBIT,
        2e9,
        100 * GBIT,
        100_000,
        2,
        2,
        4,
        500_000_000L,
        0,
        0);
  }

  /** The same with a share of nodes that die. */
  public Network withDying(double share) {
    return with(zones, share, slow);
  }

  /** The same with a share of nodes that send slowly. */
  public Network withSlow(double share) {
    return with(zones, dying, share);
  }

  /** The same spread over zones. */
  public Network withZones(int count) {
    return with(count, dying, slow);
  }

  private Network with(int newZones, double newDying, double newSlow) {
    return new Network(
        nodes,
        newZones,
        blobBytes,
        upRate,
        downRate,
        diskRate,
        originRate,
        latencyNanos,
        fanOut,
        parallel,
        window,
        detectNanos,
        newDying,
        newSlow);
  }

  /** No node can be done before this, in seconds: its wire and its disk. */
  public double boundSeconds() {
    return blobBytes / Math.min(downRate, diskRate);
  }
}
