package dev.larder.agent.fill;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What one flight believes of members' blocks, and why. Any thread. */
final class Beliefs {
  private final FillEngine engine;
  private final BlobKey key;
  private final RootProof proof;
  private final Hearsay hearsay = new Hearsay();

  /** What an earlier flight believed, when it came out wrong; null for nothing. */
  private final @Nullable Hearsay suspected;

  Beliefs(FillEngine engine, BlobKey key, long sizeBytes) {
    this.engine = engine;
    this.key = key;
    this.proof = new RootProof(engine, key, sizeBytes);
    this.suspected = engine.suspects().of(key);
  }

  /** What the recorded root vouches for. */
  RootProof proof() {
    return proof;
  }

  /** What only trackers vouch for. */
  Hearsay hearsay() {
    return hearsay;
  }

  /** Whether what trackers were told of a block is enough to believe it. */
  boolean trustsHearsay() {
    return suspected == null;
  }

  /** Blocks came; where an earlier flight was misled this tells by whom. */
  void came(long firstBlock, List<Digest> digests) {
    if (suspected != null) {
      suspected.compare(engine, key, firstBlock, digests);
    }
  }

  /** The blob was sealed, or not; nobody is suspected any more. */
  void ended(boolean isRight) {
    engine.suspects().compared(key, suspected);
    if (isRight) {
      hearsay.clear();
    }
  }
}
