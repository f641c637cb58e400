package dev.larder.store;

import dev.larder.store.index.BlobIndex;
import dev.larder.store.index.IndexSettings;
import dev.larder.store.rocks.RocksSettings;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * Wires the parts of a store. Has no logger of its own: the first one of a process takes as long to
 * set up as the index to open, so both happen side by side.
 */
final class StoreBuilder {
  /** Table files kept open: some hundred of 32 MiB hold an index of many million blobs. */
  private static final int INDEX_FILES_MAX = 256;

  private StoreBuilder() {}

  static LarderStore build(StoreConfig config, StoreHooks hooks, CommitMode mode) {
    StoreDirectory directory = StoreDirectory.open(config.directory());
    try {
      Counters counters = new Counters();
      Background.Signals signals = new Background.Signals(counters);
      Supplier<BlobIndex> opener = () -> newIndex(config, directory, signals);
      FutureTask<BlobIndex> opening = new FutureTask<>(opener::get);
      Thread.ofPlatform().daemon().name("store-open").start(opening);
      Quarantine quarantine =
          new Quarantine(directory.quarantine(), config.limits().quarantineBytesMax());
      BlobIndex index =
          new IndexOpening(directory, quarantine, counters, signals, opener).await(opening);
      try {
        return wire(config, hooks, mode, directory, quarantine, counters, signals, index);
      } catch (RuntimeException e) {
        index.close();
        throw e;
      }
    } catch (RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  private static LarderStore wire(
      StoreConfig config,
      StoreHooks hooks,
      CommitMode mode,
      StoreDirectory directory,
      Quarantine quarantine,
      Counters counters,
      Background.Signals signals,
      BlobIndex index) {
    KeyLocks locks = new KeyLocks();
    StoreParts parts =
        new StoreParts(
            config,
            directory,
            index,
            locks,
            new OpenBlobs(config.openFilesMax()),
            new Space(index, directory.root(), config.diskMaxBytes(), config.diskMinFree()),
            new Order(),
            quarantine,
            new BufferPool(config.limits().bufferBytes()),
            counters,
            new Listeners());
    Removal removal = new Removal(parts);
    Evictor evictor = new Evictor(parts, removal);
    OpenStore open = new OpenStore(parts, removal);
    SmallBlobs smalls = new SmallBlobs(parts, removal, evictor);
    Committer committer = new Committer(parts, mode);
    StoreWork work =
        new StoreWork(
            parts,
            removal,
            open,
            evictor,
            committer,
            new Sealer(parts, removal),
            new BlockReader(parts, removal));
    AtomicBoolean stopped = new AtomicBoolean();
    Background background =
        new Background(
            parts, work, new Scrubber(parts, removal, smalls, open), hooks, signals, stopped);
    removal.finish();
    committer.start();
    background.start();
    return new LarderStore(parts, work, smalls, background);
  }

  private static BlobIndex newIndex(
      StoreConfig config, StoreDirectory directory, Background.Signals signals) {
    IndexSettings settings =
        new IndexSettings(
            new RocksSettings(config.blockCacheBytes(), config.writeBufferBytes(), INDEX_FILES_MAX),
            config.limits().hotBlobsMax(),
            config.limits().hotDigestBytes());
    return new BlobIndex(directory.index(), settings, signals);
  }
}
