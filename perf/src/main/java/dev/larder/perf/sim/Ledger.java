package dev.larder.perf.sim;

/**
 * Keeps the books of a simulated network and compares them after every event: no byte is received
 * that was not sent, nobody sends what it does not have or faster than its wire, and a node has
 * what it received and nothing else.
 */
final class Ledger {
  /** Times are whole nanoseconds. */
  private static final long SLACK_BYTES = 1 << 16;

  private long sentBytes;
  private long arrivedBytes;
  private long underWayBytes;
  private long lostBytes;
  private SimNode sender;
  private SimNode receiver;
  private long lastNow;

  Ledger(SimNode origin) {
    this.sender = origin;
    this.receiver = origin;
  }

  void sent(SimNode from, int block, boolean isOrigin, long bytes) {
    require(isOrigin || from.blocks.get(block), from.id + " sends a block it does not have");
    sentBytes += bytes;
    underWayBytes += bytes;
    from.uploadedBytes += bytes;
    sender = from;
  }

  /** It came, and was of use or not; or was lost with one of the two. */
  void ended(SimNode to, long bytes, boolean isLost) {
    underWayBytes -= bytes;
    if (isLost) {
      lostBytes += bytes;
    } else {
      arrivedBytes += bytes;
      to.receivedBytes += bytes;
      receiver = to;
    }
  }

  /** After each event. */
  void check(long now) {
    require(now >= lastNow, "time goes back");
    lastNow = now;
    require(sentBytes == arrivedBytes + underWayBytes + lostBytes, "bytes came from nowhere");
    require(underWayBytes >= 0, "bytes came twice");
    require(
        sender.uploadedBytes <= sender.upRate * sender.upFree / 1e9 + SLACK_BYTES,
        sender.id + " sends faster than its wire");
    require(
        receiver.receivedBytes <= receiver.downRate * now / 1e9 + SLACK_BYTES,
        receiver.id + " receives faster than its wire");
    require(
        receiver.receivedBytes >= receiver.heldBytes, receiver.id + " has what it never received");
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException("invariant broken: " + what);
    }
  }
}
