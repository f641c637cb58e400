package dev.larder.store;

import dev.larder.protocol.BlobKey;
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

  void gone(BlobKey key, boolean whole) {
    each(listener -> listener.onGone(key, whole));
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
