package dev.larder.store;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.Counters.Counter;
import dev.larder.store.index.BlobIndex;
import dev.larder.store.rocks.IndexFault;
import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Waits for the index to open. A damaged one is never fatal: it is set aside for an empty one. */
final class IndexOpening {
  private static final Logger log = LoggerFactory.getLogger(IndexOpening.class);

  private final StoreDirectory directory;
  private final Quarantine quarantine;
  private final Counters counters;
  private final Background.Signals signals;
  private final Supplier<BlobIndex> again;

  /**
   * @param again opens the index once more, after the reason that it did not open was taken away
   */
  IndexOpening(
      StoreDirectory directory,
      Quarantine quarantine,
      Counters counters,
      Background.Signals signals,
      Supplier<BlobIndex> again) {
    this.directory = directory;
    this.quarantine = quarantine;
    this.counters = counters;
    this.signals = signals;
    this.again = again;
  }

  /**
   * The open index.
   *
   * @throws LarderException STORE_FULL, STORE_UNUSABLE
   */
  BlobIndex await(FutureTask<BlobIndex> opening) {
    return open(() -> get(opening));
  }

  private BlobIndex open(Supplier<BlobIndex> opener) {
    RuntimeException damage;
    try {
      return opener.get();
    } catch (IndexFault e) {
      if (e.kind() == IndexFault.Kind.NO_SPACE && emptyQuarantine()) {
        return open(again);
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
    return replace(damage);
  }

  private BlobIndex replace(RuntimeException damage) {
    log.error("the index cannot be opened and is set aside", damage);
    counters.increment(Counter.INDEX_SET_ASIDE_TOTAL);
    try {
      quarantine.take(directory.index(), String.valueOf(damage.getMessage()));
      StoreDirectory.createFolder(directory.index());
      signals.indexCorrupt.set(false);
      return again.get();
    } catch (IOException e) {
      throw Faults.of(e);
    } catch (IndexFault e) {
      throw unusable(e);
    }
  }

  /** What was set aside is the first to go when not even the index can be opened. */
  private boolean emptyQuarantine() {
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

  /** An interrupt is kept for the caller: half an open index could not be given back. */
  private static BlobIndex get(FutureTask<BlobIndex> opening) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return opening.get();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      throw rethrown(e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static RuntimeException rethrown(@Nullable Throwable cause) {
    if (cause instanceof Error error) {
      throw error;
    }
    return cause instanceof RuntimeException known ? known : new IllegalStateException(cause);
  }
}
