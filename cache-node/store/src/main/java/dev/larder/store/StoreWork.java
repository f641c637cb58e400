package dev.larder.store;

import dev.larder.protocol.Blocks;
import dev.larder.store.index.StripeRecord;

/** What the handles call. */
record StoreWork(
    StoreParts parts,
    Removal removal,
    OpenStore open,
    Evictor evictor,
    Committer committer,
    Sealer sealer,
    BlockReader reader) {

  /** See {@link BlobStore.Fill#drop}. */
  boolean dropStripe(OpenBlob blob, int stripe) {
    int count = Blocks.blocksInStripe(blob.sizeBytes, stripe);
    committer.drain(blob);
    blob.state.lock();
    try {
      if (blob.isGone() || blob.isSealed() || blob.present.get(stripe) == 0) {
        return false;
      }
      removal.forgetStripe(blob.key, blob.record(), stripe, blob);
      parts.index().sync();
      long unused = blob.reserved.getAndSet(stripe, 0);
      parts.space().release(blob.bytes(stripe, unused));
      Holes.punch(blob, stripe, StripeRecord.mask(count), parts.counters());
    } finally {
      blob.state.unlock();
    }
    parts.listeners().goneStripe(blob.key, stripe);
    return true;
  }
}
