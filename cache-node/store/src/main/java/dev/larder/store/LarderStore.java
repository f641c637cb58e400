package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.Digest;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.evict.UnitId;
import dev.larder.store.index.BlobIndex;
import dev.larder.store.index.BlobRecord;
import dev.larder.store.index.StripeRecord;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The store. Its parts are wired by {@link StoreBuilder}; this class only knows who does what. */
public final class LarderStore implements BlobStore {
  private static final int PAGE_BLOBS = 1000;

  private final StoreParts parts;
  private final StoreWork work;
  private final SmallBlobs smalls;
  private final Background background;
  private final AtomicBoolean closed = new AtomicBoolean();

  LarderStore(StoreParts parts, StoreWork work, SmallBlobs smalls, Background background) {
    this.parts = parts;
    this.work = work;
    this.smalls = smalls;
    this.background = background;
  }

  /**
   * Opens a data directory, creating it if absent. A lost or damaged index is set aside; sealed
   * files are then hashed again in the background.
   *
   * @throws LarderException STORE_LOCKED naming the holder; STORE_UNUSABLE naming the file;
   *     STORE_FULL when there is no room for the index's log
   */
  public static LarderStore open(StoreConfig config) {
    return open(config, StoreHooks.NONE);
  }

  /** Opens a data directory with hooks of its owner. */
  public static LarderStore open(StoreConfig config, StoreHooks hooks) {
    return open(config, hooks, CommitMode.SAFE);
  }

  /**
   * Looks whether a data directory could be opened now, and changes nothing: for whoever writes
   * into it beside the store.
   *
   * @throws dev.larder.protocol.LarderException STORE_LOCKED, STORE_UNUSABLE
   */
  public static void requireUsable(Path directory) {
    StoreDirectory.check(directory);
  }

  /** For the test that proves the power-loss test. */
  static LarderStore open(StoreConfig config, StoreHooks hooks, CommitMode mode) {
    return StoreBuilder.build(config, hooks, mode);
  }

  @Override
  public Optional<BlobInfo> find(BlobKey key) {
    requireOpen();
    return parts.index().blob(key).filter(record -> !record.doomed()).map(each -> info(key, each));
  }

  private BlobInfo info(BlobKey key, BlobRecord record) {
    return new BlobInfo(
        key,
        record.isSealed() ? State.SEALED : State.FILLING,
        record.sizeBytes(),
        record.presentBytes(),
        record.root(),
        record.trust(),
        parts.index().isPinned(key));
  }

  @Override
  public Optional<ByteBuffer> readSmall(BlobKey key) {
    requireOpen();
    return smalls.read(key);
  }

  @Override
  public SealedInfo putSmall(BlobKey key, ByteBuffer content, Trust trust, Optional<Digest> root) {
    requireOpen();
    return smalls.put(key, content, trust, root);
  }

  @Override
  public SealedInfo putFile(BlobKey key, Path file, Trust trust) {
    requireOpen();
    return FileImport.run(this, parts, key, file, trust);
  }

  @Override
  public Fill openFill(BlobKey key, long sizeBytes) {
    requireOpen();
    return new FillHandle(parts, work, work.open().openFill(key, sizeBytes));
  }

  @Override
  public Optional<SealedBlob> openSealed(BlobKey key) {
    requireOpen();
    return work.open().openSealed(key).map(blob -> new SealedHandle(work, blob));
  }

  @Override
  public Optional<StripeDigests> digests(BlobKey key, int stripe) {
    requireOpen();
    Optional<BlobRecord> record = parts.index().blob(key).filter(each -> !each.doomed());
    if (record.isEmpty() || record.get().state() == BlobRecord.State.SEALED_SMALL) {
      return Optional.empty();
    }
    StripeRecord found = parts.index().stripe(key, stripe);
    List<Optional<Digest>> blocks = new ArrayList<>();
    for (int i = 0; i < Blocks.blocksInStripe(record.get().sizeBytes(), stripe); i++) {
      blocks.add(found.digest(i));
    }
    return Optional.of(new StripeDigests(stripe, blocks));
  }

  @Override
  public void pin(BlobKey key, String owner) {
    requireOpen();
    parts.index().addPins(List.of(key), owner);
  }

  @Override
  public void pinAll(Collection<BlobKey> keys, String owner) {
    requireOpen();
    if (!keys.isEmpty()) {
      parts.index().addPins(keys, owner);
    }
  }

  @Override
  public void unpin(BlobKey key, String owner) {
    requireOpen();
    parts.index().removePin(key, owner);
    parts.order().released(UnitId.whole(key));
    int stripes =
        parts
            .index()
            .blob(key)
            .filter(each -> !each.isSealed())
            .map(each -> Blocks.stripeCount(each.sizeBytes()))
            .orElse(0);
    for (int stripe = 0; stripe < stripes; stripe++) {
      parts.order().released(new UnitId(key, stripe));
    }
  }

  @Override
  public boolean delete(BlobKey key) {
    requireOpen();
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      OpenBlob blob = parts.open().find(key);
      if (blob == null || blob.references == 0) {
        Optional<BlobRecord> record = parts.index().blob(key);
        record.ifPresent(each -> work.removal().remove(key, each));
        return record.isPresent();
      }
      return doom(blob);
    }
  }

  /** Hides an open blob; its last user removes it. */
  private boolean doom(OpenBlob blob) {
    blob.state.lock();
    try {
      BlobRecord before = blob.record();
      if (blob.isGone() || before.doomed()) {
        return false;
      }
      parts.index().change(false, change -> change.putBlob(blob.key, before, before.asDoomed()));
      blob.record(before.asDoomed());
      return true;
    } finally {
      blob.state.unlock();
    }
  }

  @Override
  public boolean quarantine(BlobKey key, String reason) {
    requireOpen();
    try (KeyLocks.Held held = parts.locks().lock(key)) {
      OpenBlob blob = parts.open().find(key);
      Optional<BlobRecord> record =
          blob != null ? Optional.of(blob.record()) : parts.index().blob(key);
      record.ifPresent(each -> work.removal().setAside(key, each, reason));
      return record.isPresent();
    }
  }

  @Override
  public void forEach(Consumer<BlobInfo> visitor) {
    requireOpen();
    @Nullable BlobKey after = null;
    while (true) {
      List<Map.Entry<BlobKey, BlobRecord>> page = parts.index().blobsAfter(after, PAGE_BLOBS);
      for (Map.Entry<BlobKey, BlobRecord> entry : page) {
        if (!entry.getValue().doomed()) {
          visitor.accept(info(entry.getKey(), entry.getValue()));
        }
      }
      if (page.isEmpty()) {
        return;
      }
      after = page.getLast().getKey();
    }
  }

  @Override
  public void addListener(StoreListener listener) {
    parts.listeners().add(listener);
  }

  @Override
  public void guardEvictions(VictimGuard guard) {
    work.evictor().guard(guard);
  }

  @Override
  public ScrubReport scrub(long bytesMax) {
    requireOpen();
    return background.scrubber().run(bytesMax);
  }

  @Override
  public StoreStats stats() {
    requireOpen();
    return StatsReader.read(parts, work);
  }

  /** The index, for tests of this package that damage it. */
  BlobIndex index() {
    return parts.index();
  }

  /** Waits until what the last start left to tidy up is done, for tests and for a clean report. */
  void awaitSettled() {
    background.awaitSettled();
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      background.close();
      work.committer().close();
      work.open().shut();
      background.saveOrder();
      parts.index().close();
      parts.directory().close();
    }
  }

  private void requireOpen() {
    if (closed.get()) {
      throw Faults.closed();
    }
  }
}
