package dev.larder.store;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.Counters.Counter;
import dev.larder.store.index.BlobIndex;
import dev.larder.store.index.IndexSettings;
import dev.larder.store.rocks.IndexFault;
import dev.larder.store.rocks.RocksSettings;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Wires the parts of a store. */
final class StoreBuilder {
  private static final Logger log = LoggerFactory.getLogger(StoreBuilder.class);

  /** Table files kept open: some hundred of 32 MiB hold an index of many million blobs. */
  private static final int INDEX_FILES_MAX = 256;

  private StoreBuilder() {}

  static LarderStore build(StoreConfig config, StoreHooks hooks, CommitMode mode) {
    StoreDirectory directory = StoreDirectory.open(config.directory());
    try {
      Counters counters = new Counters();
      Background.Signals signals = new Background.Signals(counters);
      Quarantine quarantine =
          new Quarantine(directory.quarantine(), config.limits().quarantineBytesMax());
      BlobIndex index = openIndex(config, directory, quarantine, counters, signals);
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
            new OpenBlobs(locks, config.openFilesMax()),
            new Space(index, directory.root(), config.diskMaxBytes(), config.diskMinFreeBytes()),
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
    committer.start();
    background.start();
    return new LarderStore(parts, work, smalls, background);
  }

  /** A damaged index is never fatal: it is set aside, and an empty one takes its place. */
  private static BlobIndex openIndex(
      StoreConfig config,
      StoreDirectory directory,
      Quarantine quarantine,
      Counters counters,
      Background.Signals signals) {
    IndexSettings settings =
        new IndexSettings(
            new RocksSettings(config.blockCacheBytes(), config.writeBufferBytes(), INDEX_FILES_MAX),
            config.limits().hotBlobsMax(),
            config.limits().hotDigestBytes());
    RuntimeException damage;
    try {
      return new BlobIndex(directory.index(), settings, signals);
    } catch (IndexFault e) {
      if (e.kind() == IndexFault.Kind.NO_SPACE && emptyQuarantine(quarantine)) {
        return openIndex(config, directory, quarantine, counters, signals);
      }
      if (e.kind() != IndexFault.Kind.CORRUPT) {
        throw unusable(e);
      }
      damage = e;
    } catch (LarderException e) {
      if (e.code() != ErrorCode.STORE_CORRUPT) {
        throw e;
      }
      damage = e;
    }
    log.error("the index cannot be opened and is set aside", damage);
    counters.increment(Counter.INDEX_SET_ASIDE_TOTAL);
    try {
      quarantine.take(directory.index(), String.valueOf(damage.getMessage()));
      StoreDirectory.createFolder(directory.index());
      signals.indexCorrupt.set(false);
      return new BlobIndex(directory.index(), settings, signals);
    } catch (IOException e) {
      throw Faults.of(e);
    } catch (IndexFault e) {
      throw unusable(e);
    }
  }

  /** What was set aside is the first to go when not even the index can be opened. */
  private static boolean emptyQuarantine(Quarantine quarantine) {
    try {
      return quarantine.shrinkTo(0) > 0;
    } catch (IOException e) {
      throw Faults.of(e);
    }
  }

  private static LarderException unusable(IndexFault e) {
    return new LarderException(
        e.kind() == IndexFault.Kind.NO_SPACE ? ErrorCode.STORE_FULL : ErrorCode.STORE_UNUSABLE,
        String.valueOf(e.getMessage()),
        e);
  }
}
