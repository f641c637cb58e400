package dev.larder.agent.fill;

import dev.larder.agent.tracker.BlockDigests;
import dev.larder.agent.tracker.StripeId;
import dev.larder.protocol.BlobKey;
import java.util.Map;
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

  /** Present figures by metric name, without prefix. */
  Map<String, Long> gauges();
}
