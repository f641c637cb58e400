package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.StoreListener;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells listeners; one that throws is logged and does not stop the others. */
final class Listeners {
  private static final Logger log = LoggerFactory.getLogger(Listeners.class);

  private final List<StoreListener> all = new CopyOnWriteArrayList<>();

  void add(StoreListener listener) {
    all.add(listener);
  }

  void sealed(SealedInfo info) {
    each(listener -> listener.onSealed(info));
  }

  void wrong(BlobKey key) {
    each(listener -> listener.onWrong(key));
  }

  /** A blob of a size is gone. */
  void gone(BlobKey key, long sizeBytes) {
    each(listener -> listener.onGone(key, true));
    each(listener -> listener.onDropped(key, 0, Blocks.stripeCount(sizeBytes)));
  }

  /** A stripe is gone, the rest of its blob is not. */
  void goneStripe(BlobKey key, int stripe) {
    each(listener -> listener.onGone(key, false));
    each(listener -> listener.onDropped(key, stripe, stripe + 1));
  }

  private void each(Consumer<StoreListener> call) {
    for (StoreListener listener : all) {
      try {
        call.accept(listener);
      } catch (RuntimeException e) {
        log.error("a store listener failed", e);
      }
    }
  }
}
