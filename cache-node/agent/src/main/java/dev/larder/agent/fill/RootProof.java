package dev.larder.agent.fill;

import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.agent.tracker.BlockDigests;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the recorded root of a blob vouches for: block digests that hash to it, whoever tells them.
 * Any thread; calls may wait for coordinator or members.
 */
final class RootProof {
  private static final long ASK_AGAIN_NANOS = Duration.ofSeconds(2).toNanos();

  /** Runs go on in few stripes at once; 3.5 KiB each. */
  private static final int STRIPES_KEPT = 8;

  private final FillEngine engine;
  private final BlobKey key;
  private final long sizeBytes;
  private final Map<Integer, BlockDigests> proved = new LinkedHashMap<>();
  private Optional<Digest> root = Optional.empty();
  private List<String> holders = List.of();
  private long rootAskedNanos;
  private long holdersAskedNanos;
  private boolean isRootAsked;
  private boolean areHoldersAsked;

  RootProof(FillEngine engine, BlobKey key, long sizeBytes) {
    this.engine = engine;
    this.key = key;
    this.sizeBytes = sizeBytes;
  }

  /**
   * What a member's word is worth.
   *
   * @param digests of the stripe's blocks, proved; none when the root or the member does not help
   * @param isWrong whether the member's digests do not hash to the root
   */
  record Proved(BlockDigests digests, boolean isWrong) {
    static final Proved NOTHING = new Proved(BlockDigests.NONE, false);
  }

  /** Digests of a stripe that a member tells and the root proves. */
  Proved blocks(String member, int stripe) {
    Optional<Digest> expected = root();
    if (expected.isEmpty()) {
      return Proved.NOTHING;
    }
    synchronized (this) {
      BlockDigests known = proved.get(stripe);
      if (known != null) {
        return new Proved(known, false);
      }
    }
    Optional<SealedDigests> told = engine.members().digests(member, key, stripe);
    if (told.isEmpty()) {
      return Proved.NOTHING;
    }
    if (!isProved(told.get(), stripe, expected.get())) {
      return new Proved(BlockDigests.NONE, true);
    }
    BlockDigests digests =
        BlockDigests.ofPresent(told.get().blocks().stream().map(Optional::of).toList());
    synchronized (this) {
      proved.put(stripe, digests);
      if (proved.size() > STRIPES_KEPT) {
        proved.remove(proved.keySet().iterator().next());
      }
    }
    return new Proved(digests, false);
  }

  /** A member that has the blob sealed, as far as the coordinator knows; null for none. */
  synchronized @Nullable String holder(Set<String> avoided) {
    // Holders of smaller blobs are not recorded.
    if (engine.members().isAlone() || sizeBytes < Blocks.STRIPE_BYTES || root().isEmpty()) {
      return null;
    }
    long now = engine.nanoTime();
    if (!areHoldersAsked || now - holdersAskedNanos > ASK_AGAIN_NANOS) {
      areHoldersAsked = true;
      holdersAskedNanos = now;
      holders = engine.members().holders(key);
    }
    return holders.stream().filter(each -> !avoided.contains(each)).findFirst().orElse(null);
  }

  private synchronized Optional<Digest> root() {
    long now = engine.nanoTime();
    if (root.isEmpty() && (!isRootAsked || now - rootAskedNanos > ASK_AGAIN_NANOS)) {
      isRootAsked = true;
      rootAskedNanos = now;
      root = engine.roots().expected(key);
    }
    return root;
  }

  private boolean isProved(SealedDigests told, int stripe, Digest expected) {
    return told.stripes().size() == Blocks.stripeCount(sizeBytes)
        && told.blocks().size() == Blocks.blocksInStripe(sizeBytes, stripe)
        && Digests.root(sizeBytes, told.stripes()).equals(expected)
        && Digests.stripe(told.blocks()).equals(told.stripes().get(stripe));
  }
}
