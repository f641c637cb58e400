package dev.larder.agent.fill;

import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.protocol.BlobKey;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** Decides for each stripe whether this node fetches it or reads it from a member. Any thread. */
public interface Tracking {

  /** The node's share in a stripe; does not wait. */
  StripeShare share(StripeId stripe);

  /**
   * The whole stripe is in this node's store.
   *
   * @param digests of its blocks, called where they are wanted
   */
  void completed(StripeId stripe, Supplier<BlockDigests> digests);

  /** Nobody on this node reads or fetches the blob any more. */
  void closed(BlobKey key);

  /** What this node tracks and tells of a blob is of no use any more: its copies were set aside. */
  void forget(BlobKey key, long sizeBytes);

  /**
   * Blocks that were believed by what trackers were told of them are wrong: those who sent them,
   * and whoever told their digests, are left alone for a time.
   *
   * @param members that sent them
   * @param right digests of these blocks as they are
   */
  void misled(StripeId stripe, Set<String> members, BlockDigests right);

  /** Present figures by metric name, without prefix. */
  Map<String, Long> gauges();
}
