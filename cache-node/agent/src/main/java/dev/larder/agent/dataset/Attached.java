package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Definition.KeptSnapshot;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.origin.Origin;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A dataset at work: its definition, its origin, its open catalogs. Any thread; the definition is
 * replaced by one thread at a time.
 */
final class Attached implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Attached.class);

  private final BlobStore store;
  private final OriginOpener opener;
  private final Map<Long, OpenCatalog> catalogs = new HashMap<>();
  private volatile Definition definition;

  /** A copy of {@code catalogs}, for those who must not wait. */
  private volatile Map<Long, OpenCatalog> ready = Map.of();

  private @Nullable Origin origin;
  private boolean isClosed;

  Attached(Definition definition, BlobStore store, OriginOpener opener) {
    this.definition = definition;
    this.store = store;
    this.opener = opener;
  }

  Definition definition() {
    return definition;
  }

  /** Takes a new definition and lets the catalogs of snapshots that are no more go. */
  synchronized void replace(Definition next) {
    definition = next;
    catalogs
        .entrySet()
        .removeIf(each -> {
          boolean isGone = next.find(OptionalLong.of(each.getKey())).isEmpty();
          if (isGone) {
            each.getValue().close();
          }
          return isGone;
        });
    publish();
  }

  KeptSnapshot snapshot(OptionalLong number) {
    return definition
        .find(number)
        .orElseThrow(() ->
            new LarderException(
                ErrorCode.UNKNOWN_DATASET,
                number.isPresent()
                    ? "dataset " + definition.name() + " has no snapshot " + number.getAsLong()
                    : "dataset " + definition.name() + " has no snapshot yet"));
  }

  /** An open catalog, without waiting; null when it is not open yet. */
  @Nullable OpenCatalog readyCatalog(KeptSnapshot snapshot) {
    return ready.get(snapshot.info().number());
  }

  OpenCatalog catalog(KeptSnapshot snapshot) {
    OpenCatalog open = readyCatalog(snapshot);
    return open != null ? open : open(snapshot);
  }

  /** The file with a key in a snapshot; empty also where its catalog cannot be read now. */
  Optional<BlobSource> source(KeptSnapshot snapshot, BlobKey key) {
    try {
      return catalog(snapshot).byKey(key);
    } catch (LarderException e) {
      log.warn(
          "catalog not searched dataset={} snapshot={} code={}",
          definition.name(),
          snapshot.info().number(),
          e.code());
      return Optional.empty();
    }
  }

  private synchronized OpenCatalog open(KeptSnapshot snapshot) {
    checkOpen();
    long number = snapshot.info().number();
    OpenCatalog open = catalogs.get(number);
    if (open == null) {
      open = OpenCatalog.open(store, definition.name().text(), snapshot);
      catalogs.put(number, open);
      publish();
    }
    return open;
  }

  synchronized Origin origin() {
    checkOpen();
    Origin open = origin;
    if (open == null) {
      open = opener.open(definition.name(), definition.uri(), definition.options());
      origin = open;
    }
    return open;
  }

  @Override
  public synchronized void close() {
    if (isClosed) {
      return;
    }
    isClosed = true;
    catalogs.values().forEach(OpenCatalog::close);
    catalogs.clear();
    publish();
    if (origin != null) {
      origin.close();
    }
  }

  private void publish() {
    ready = Map.copyOf(catalogs);
  }

  private void checkOpen() {
    if (isClosed) {
      throw new LarderException(
          ErrorCode.UNKNOWN_DATASET, "dataset " + definition.name() + " was deleted meanwhile");
    }
  }
}
