package dev.larder.agent.peer;

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

/** Digests of a blob that is sealed here, as its root vouches for them. */
final class StoredDigests {
  private StoredDigests() {}

  /**
   * The block digests of a stripe and the digests of all stripes.
   *
   * @throws LarderException UNKNOWN_BLOB when the blob is not sealed here
   */
  static SealedDigests of(BlobStore store, BlobKey key, int stripe) {
    BlobInfo info =
        store
            .find(key)
            .filter(found -> found.state() == State.SEALED && !Blocks.isSmall(found.sizeBytes()))
            .orElseThrow(StoredDigests::unknown);
    int count = Blocks.stripeCount(info.sizeBytes());
    if (stripe >= count) {
      throw unknown();
    }
    List<Digest> stripes = new ArrayList<>(count);
    for (int at = 0; at < count; at++) {
      stripes.add(Digests.stripe(blocks(store, info, at)));
    }
    return new SealedDigests(blocks(store, info, stripe), stripes);
  }

  private static List<Digest> blocks(BlobStore store, BlobInfo info, int stripe) {
    return store.digests(info.key(), stripe).orElseThrow(StoredDigests::unknown).blocks().stream()
        .limit(Blocks.blocksInStripe(info.sizeBytes(), stripe))
        .map(digest -> digest.orElseThrow(StoredDigests::unknown))
        .toList();
  }

  private static LarderException unknown() {
    return new LarderException(ErrorCode.UNKNOWN_BLOB, "the blob is not sealed here");
  }
}
