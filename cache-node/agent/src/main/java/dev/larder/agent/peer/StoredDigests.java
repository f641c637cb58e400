package dev.larder.agent.peer;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.larder.agent.fill.Members.SealedDigests;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.Digests;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Digests of blobs that are sealed here, as their roots vouch for them. Remembers the lists of
 * stripes of the blobs asked for last, which take a look at every stripe to make. Any thread.
 */
final class StoredDigests {
  /** On the heap, with what a list has around each. */
  private static final int DIGEST_BYTES = 64;

  private final BlobStore store;
  private final Cache<Sealed, List<Digest>> lists;

  /** What a list belongs to: another root is another list. */
  private record Sealed(BlobKey key, Optional<Digest> root) {}

  StoredDigests(BlobStore store, long keptMaxBytes) {
    this.store = store;
    this.lists =
        Caffeine.newBuilder()
            .maximumWeight(keptMaxBytes / DIGEST_BYTES)
            .weigher((Sealed any, List<Digest> list) -> list.size())
            .executor(Runnable::run)
            .build();
  }

  /**
   * The block digests of a stripe and, where the member does not know them, those of all stripes.
   *
   * @throws LarderException UNKNOWN_BLOB when the blob is not sealed here
   */
  SealedDigests of(BlobKey key, int stripe, boolean isListKnown) {
    BlobInfo info =
        store
            .find(key)
            .filter(found -> found.state() == State.SEALED && !Blocks.isSmall(found.sizeBytes()))
            .orElseThrow(StoredDigests::unknown);
    if (stripe >= Blocks.stripeCount(info.sizeBytes())) {
      throw unknown();
    }
    List<Digest> blocks = blocks(info, stripe);
    return new SealedDigests(
        blocks,
        isListKnown ? List.of() : lists.get(new Sealed(key, info.root()), any -> stripes(info)));
  }

  private List<Digest> stripes(BlobInfo info) {
    int count = Blocks.stripeCount(info.sizeBytes());
    List<Digest> stripes = new ArrayList<>(count);
    for (int at = 0; at < count; at++) {
      stripes.add(Digests.stripe(blocks(info, at)));
    }
    return List.copyOf(stripes);
  }

  private List<Digest> blocks(BlobInfo info, int stripe) {
    return store.digests(info.key(), stripe).orElseThrow(StoredDigests::unknown).blocks().stream()
        .limit(Blocks.blocksInStripe(info.sizeBytes(), stripe))
        .map(digest -> digest.orElseThrow(StoredDigests::unknown))
        .toList();
  }

  private static LarderException unknown() {
    return new LarderException(ErrorCode.UNKNOWN_BLOB, "the blob is not sealed here");
  }
}
