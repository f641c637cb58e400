package dev.larder.coordinator.raft;

import dev.larder.coordinator.logic.Reader;
import dev.larder.coordinator.logic.StateStore;
import dev.larder.coordinator.logic.Table;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Checkpoint;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Snapshot;
import org.rocksdb.Status;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * The state's tables in RocksDB, one column family each.
 *
 * <p>Commits go to RocksDB's own log without a sync: a killed process loses nothing, and after
 * power loss the state is an earlier one, from where the Raft log (which is synced) goes on,
 * because the applied position is in the same batch.
 *
 * <p><b>Threads:</b> reads from any, one committer. {@link #close} waits for readers, then later
 * calls are CLOSED: a native call on a freed handle would end the process.
 */
final class RocksStateStore implements StateStore {
  private static final int FORMAT_VERSION = 6;
  private static final int BLOCK_BYTES = 8 << 10;
  private static final long TABLE_FILE_BYTES = 16L << 20;
  private static final long INFO_LOG_BYTES = 1L << 20;

  private final HandleLedger ledger;
  private final RocksDB db;
  private final Map<Table, ColumnFamilyHandle> tables = new EnumMap<>(Table.class);
  private final WriteOptions writeOptions;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private RocksStateStore(
      HandleLedger ledger, RocksDB db, List<ColumnFamilyHandle> handles, WriteOptions options) {
    this.ledger = ledger;
    this.db = db;
    this.writeOptions = options;
    for (int i = 0; i < Table.values().length; i++) {
      tables.put(Table.values()[i], handles.get(i + 1));
    }
  }

  /**
   * Opens or creates the state in a directory.
   *
   * @throws LarderException STORE_CORRUPT when it is damaged, STORE_IO otherwise
   */
  static RocksStateStore open(Path directory, RocksLimits limits, HandleLedger ledger) {
    RocksDB.loadLibrary();
    try {
      ColumnFamilyOptions options = tableOptions(limits, ledger);
      List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();
      descriptors.add(new ColumnFamilyDescriptor(RocksDB.DEFAULT_COLUMN_FAMILY, options));
      for (Table table : Table.values()) {
        descriptors.add(
            new ColumnFamilyDescriptor(table.diskName().getBytes(StandardCharsets.UTF_8), options));
      }
      DBOptions dbOptions =
          ledger
              .own(new DBOptions())
              .setCreateIfMissing(true)
              .setCreateMissingColumnFamilies(true)
              .setParanoidChecks(true)
              .setDbWriteBufferSize(limits.writeBufferBytes())
              .setMaxTotalWalSize(2 * limits.writeBufferBytes())
              .setMaxOpenFiles(limits.openFilesMax())
              .setMaxBackgroundJobs(2)
              .setMaxLogFileSize(INFO_LOG_BYTES)
              .setKeepLogFileNum(2)
              .setInfoLogLevel(InfoLogLevel.WARN_LEVEL);
      List<ColumnFamilyHandle> handles = new ArrayList<>();
      RocksDB db = ledger.own(RocksDB.open(dbOptions, directory.toString(), descriptors, handles));
      handles.forEach(ledger::own);
      WriteOptions writeOptions = ledger.own(new WriteOptions()).setSync(false);
      return new RocksStateStore(ledger, db, handles, writeOptions);
    } catch (RocksDBException e) {
      ledger.close();
      throw fault("cannot open the coordinator's state in " + directory, e);
    }
  }

  private static ColumnFamilyOptions tableOptions(RocksLimits limits, HandleLedger ledger) {
    BlockBasedTableConfig blocks =
        new BlockBasedTableConfig()
            .setBlockCache(ledger.own(new LRUCache(limits.blockCacheBytes())))
            .setCacheIndexAndFilterBlocks(true)
            .setFilterPolicy(ledger.own(new BloomFilter(10, false)))
            .setFormatVersion(FORMAT_VERSION)
            .setBlockSize(BLOCK_BYTES);
    return ledger
        .own(new ColumnFamilyOptions())
        .setTableFormatConfig(blocks)
        .setCompressionType(CompressionType.LZ4_COMPRESSION)
        .setWriteBufferSize(limits.writeBufferBytes())
        .setTargetFileSizeBase(TABLE_FILE_BYTES);
  }

  @Override
  public <T> T read(Function<Reader, T> query) {
    return locked(() -> {
      Runnable back = ledger.lend();
      Snapshot snapshot = db.getSnapshot();
      try (ReadOptions options = new ReadOptions().setSnapshot(snapshot)) {
        return query.apply(new SnapshotReader(options));
      } finally {
        db.releaseSnapshot(snapshot);
        snapshot.close();
        back.run();
      }
    });
  }

  @Override
  public void commit(NavigableMap<Table, NavigableMap<byte[], Optional<byte[]>>> changes) {
    locked(() -> {
      Runnable back = ledger.lend();
      try (WriteBatch batch = new WriteBatch()) {
        for (Map.Entry<Table, NavigableMap<byte[], Optional<byte[]>>> rows : changes.entrySet()) {
          ColumnFamilyHandle table = handle(rows.getKey());
          for (Map.Entry<byte[], Optional<byte[]>> row : rows.getValue().entrySet()) {
            if (row.getValue().isPresent()) {
              batch.put(table, row.getKey(), row.getValue().get());
            } else {
              batch.delete(table, row.getKey());
            }
          }
        }
        db.write(writeOptions, batch);
      } catch (RocksDBException e) {
        throw fault("cannot write the coordinator's state", e);
      } finally {
        back.run();
      }
      return 0;
    });
  }

  /** Writes a consistent copy into a directory that does not exist yet; shares unchanging files. */
  void checkpoint(Path directory) {
    locked(() -> {
      Runnable back = ledger.lend();
      try (Checkpoint checkpoint = Checkpoint.create(db)) {
        checkpoint.createCheckpoint(directory.toString());
      } catch (RocksDBException e) {
        throw fault("cannot copy the coordinator's state to " + directory, e);
      } finally {
        back.run();
      }
      return 0;
    });
  }

  /**
   * What RocksDB holds in memory, in bytes; empty once closed. Platform threads only.
   *
   * @throws LarderException STORE_IO when RocksDB does not say
   */
  Map<String, Long> figures() {
    lock.readLock().lock();
    try {
      if (closed) {
        return Map.of();
      }
      // One cache serves all tables, so any of them knows its use.
      return Map.of(
          "rocksdb_block_cache_bytes", db.getLongProperty("rocksdb.block-cache-usage"),
          "rocksdb_memtables_bytes",
              db.getAggregatedLongProperty("rocksdb.cur-size-all-mem-tables"),
          "rocksdb_table_readers_bytes",
              db.getAggregatedLongProperty("rocksdb.estimate-table-readers-mem"));
    } catch (RocksDBException e) {
      throw fault("cannot read the coordinator's figures", e);
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        ledger.close();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  private <T> T locked(Supplier<T> action) {
    assert !Thread.currentThread().isVirtual()
        : "RocksDB on the virtual thread " + Thread.currentThread() + ", whose carrier it holds";
    lock.readLock().lock();
    try {
      if (closed) {
        throw new LarderException(ErrorCode.CLOSED, "the coordinator's state is closed");
      }
      return action.get();
    } finally {
      lock.readLock().unlock();
    }
  }

  private ColumnFamilyHandle handle(Table table) {
    ColumnFamilyHandle handle = tables.get(table);
    if (handle == null) {
      throw new IllegalStateException("no table " + table);
    }
    return handle;
  }

  private static LarderException fault(String what, RocksDBException e) {
    Status status = e.getStatus();
    boolean corrupt = status != null && status.getCode() == Status.Code.Corruption;
    return new LarderException(
        corrupt ? ErrorCode.STORE_CORRUPT : ErrorCode.STORE_IO, what + ": " + e.getMessage(), e);
  }

  private final class SnapshotReader implements Reader {
    private final ReadOptions options;

    SnapshotReader(ReadOptions options) {
      this.options = options;
    }

    @Override
    public byte @Nullable [] get(Table table, byte[] key) {
      try {
        return db.get(handle(table), options, key);
      } catch (RocksDBException e) {
        throw fault("cannot read the coordinator's state", e);
      }
    }

    @Override
    public void scan(Table table, byte[] prefix, Visitor visitor) {
      Runnable back = ledger.lend();
      try (RocksIterator rows = db.newIterator(handle(table), options)) {
        for (rows.seek(prefix); rows.isValid(); rows.next()) {
          byte[] key = rows.key();
          boolean ours =
              key.length >= prefix.length
                  && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
          if (!ours || !visitor.row(key, rows.value())) {
            return;
          }
        }
        rows.status();
      } catch (RocksDBException e) {
        throw fault("cannot read the coordinator's state", e);
      } finally {
        back.run();
      }
    }
  }
}
