package dev.larder.store.rocks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.rocksdb.AbstractEventListener;
import org.rocksdb.BackgroundErrorReason;
import org.rocksdb.Cache;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Status;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * One open database.
 *
 * <p><b>Threads:</b> any; {@link #close} waits for calls that are running, later calls get {@link
 * IndexFault.Kind#CLOSED}. Iterators and batches live inside a call. <b>Errors:</b> {@link
 * IndexFault}.
 */
public final class RocksIndex implements AutoCloseable {
  private final ReentrantReadWriteLock gate = new ReentrantReadWriteLock();
  private final Handles handles = new Handles();
  private final RocksDB db;
  private final Cache cache;
  private final List<ColumnFamilyHandle> families;
  private final ReadOptions reading;
  private final ReadOptions scanning;
  private final WriteOptions lazy;
  private final WriteOptions synced;
  private boolean closed;

  /**
   * Opens or creates the database.
   *
   * @param onBackgroundError called from a native thread when flush or compaction fails; must not
   *     block
   */
  public RocksIndex(
      Path folder, RocksSettings settings, Consumer<IndexFault.Kind> onBackgroundError) {
    RocksDB.loadLibrary();
    cache = RocksOptions.cache(handles, settings);
    List<ColumnFamilyHandle> opened = new ArrayList<>();
    try {
      DBOptions options =
          RocksOptions.database(handles, settings, cache, new ErrorListener(onBackgroundError));
      db =
          RocksDB.open(
              options, folder.toString(), RocksOptions.families(handles, settings, cache), opened);
    } catch (RocksDBException e) {
      handles.close();
      throw IndexFault.of(e);
    }
    families = List.copyOf(opened);
    reading = handles.own(new ReadOptions().setVerifyChecksums(true));
    // A scan must not push the hot blocks out of the cache.
    scanning =
        handles.own(
            new ReadOptions()
                .setVerifyChecksums(true)
                .setFillCache(false)
                .setReadaheadSize(1 << 20));
    lazy = handles.own(new WriteOptions().setSync(false));
    synced = handles.own(new WriteOptions().setSync(true));
  }

  /** The value of a key, or null. */
  public byte @Nullable [] get(Family family, byte[] key) {
    return guarded(() -> db.get(family(family), reading, key));
  }

  /**
   * Applies changes together.
   *
   * @param sync whether they must survive a power loss once this returns; they survive the death of
   *     the process either way
   */
  public void write(boolean sync, Consumer<Batch> changes) {
    guarded(() -> {
      try (Handles.Lease<WriteBatch> lease = handles.lease(new WriteBatch())) {
        changes.accept(new Recorder(lease.handle()));
        db.write(sync ? synced : lazy, lease.handle());
      }
      return null;
    });
  }

  /** Makes every change so far survive a power loss. */
  public void sync() {
    guarded(() -> {
      db.syncWal();
      return null;
    });
  }

  /**
   * Visits the keys from {@code from} in order until the visitor answers false. The visitor must
   * not call back into this object and gets arrays of its own.
   */
  public void scan(Family family, byte[] from, BiPredicate<byte[], byte[]> visitor) {
    guarded(() -> {
      try (Handles.Lease<RocksIterator> lease =
          handles.lease(db.newIterator(family(family), scanning))) {
        RocksIterator at = lease.handle();
        at.seek(from);
        while (at.isValid() && visitor.test(at.key(), at.value())) {
          at.next();
        }
        at.status();
      }
      return null;
    });
  }

  /** A figure of the whole database by RocksDB's property name. */
  public long property(String name) {
    return guarded(() -> db.getAggregatedLongProperty(name));
  }

  /** Bytes of the block cache in use, memtables included. */
  public long cacheBytes() {
    return guarded(cache::getUsage);
  }

  /** Native handles in use by running calls; 0 when nothing runs. */
  public int leasedHandles() {
    return handles.leased();
  }

  /** Moves memtables into table files, so that the next start replays nothing. */
  public void flush() {
    guarded(() -> {
      try (Handles.Lease<org.rocksdb.FlushOptions> lease =
          handles.lease(new org.rocksdb.FlushOptions().setWaitForFlush(true))) {
        db.flush(lease.handle(), families);
      }
      return null;
    });
  }

  @Override
  public void close() {
    gate.writeLock().lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      for (ColumnFamilyHandle family : families) {
        family.close();
      }
      db.close();
      handles.close();
    } finally {
      gate.writeLock().unlock();
    }
  }

  private ColumnFamilyHandle family(Family family) {
    return families.get(family.ordinal());
  }

  private <T extends @Nullable Object> T guarded(Call<T> call) {
    gate.readLock().lock();
    try {
      if (closed) {
        throw new IndexFault(IndexFault.Kind.CLOSED, "the index is closed", null);
      }
      return call.run();
    } catch (RocksDBException e) {
      throw IndexFault.of(e);
    } finally {
      gate.readLock().unlock();
    }
  }

  private interface Call<T extends @Nullable Object> {
    T run() throws RocksDBException;
  }

  private final class Recorder implements Batch {
    private final WriteBatch batch;

    Recorder(WriteBatch batch) {
      this.batch = batch;
    }

    @Override
    public void put(Family family, byte[] key, byte[] value) {
      record(() -> batch.put(family(family), key, value));
    }

    @Override
    public void delete(Family family, byte[] key) {
      record(() -> batch.delete(family(family), key));
    }

    private void record(Change change) {
      try {
        change.run();
      } catch (RocksDBException e) {
        throw IndexFault.of(e);
      }
    }
  }

  private interface Change {
    void run() throws RocksDBException;
  }

  private static final class ErrorListener extends AbstractEventListener {
    private final Consumer<IndexFault.Kind> sink;

    ErrorListener(Consumer<IndexFault.Kind> sink) {
      super(EnabledEventCallback.ON_BACKGROUND_ERROR);
      this.sink = sink;
    }

    @Override
    public void onBackgroundError(BackgroundErrorReason reason, Status status) {
      sink.accept(IndexFault.kindOf(status, status.getState()));
    }
  }
}
