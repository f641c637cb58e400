package dev.larder.store.index;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.index.Records.BadRecordException;
import dev.larder.store.rocks.Batch;
import dev.larder.store.rocks.Family;
import dev.larder.store.rocks.IndexFault;
import dev.larder.store.rocks.RocksIndex;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Typed access to the index.
 *
 * <p><b>Threads:</b> any. Changes are serial, as each carries the new totals. A hot entry is
 * removed from its cache after the write, and Caffeine lets no load of that key overlap the
 * removal, so a reader never brings an old value back. <b>Errors:</b> {@link LarderException} with
 * STORE_FULL, STORE_IO, STORE_CORRUPT or CLOSED; an unreadable record counts as absent and is
 * dropped.
 */
public final class BlobIndex implements AutoCloseable {
  private static final byte[] SUMMARY_KEY = "summary".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] PRESENT = {Records.VERSION};

  private final Path folder;
  private final IndexSettings settings;
  private final IndexEvents events;
  private final Cache<BlobKey, Optional<BlobRecord>> blobs;
  private final Cache<StripeId, StripeRecord> stripes;
  private final PinSet pins = new PinSet();
  private final Object writeLock = new Object();
  private final SharedSync logSync = new SharedSync(() -> db().sync());
  private final List<BlobKey> going;
  private volatile RocksIndex db;
  private final AtomicReference<Charge> charge =
      new AtomicReference<>(new Charge(Summary.EMPTY, 0));
  private volatile long pinnedBytes;

  private record StripeId(BlobKey key, int stripe) {}

  /**
   * Opens or creates the index.
   *
   * @throws IndexFault as the database gives it: the caller decides whether to set it aside
   */
  public BlobIndex(Path folder, IndexSettings settings, IndexEvents events) {
    this.folder = folder;
    this.settings = settings;
    this.events = events;
    this.blobs = Caffeine.newBuilder().maximumSize(settings.blobEntriesMax()).build();
    this.stripes =
        Caffeine.newBuilder()
            .maximumWeight(settings.digestBytesMax())
            .weigher((StripeId id, StripeRecord record) -> 128 + record.weightBytes())
            .build();
    this.db = openDatabase();
    try {
      charge.set(new Charge(readSummary(db), 0));
      loadPins();
      this.going = loadGoing();
    } catch (IndexFault | LarderException e) {
      db.close();
      throw e;
    }
  }

  /**
   * Closes the database and opens what lies in its folder after {@code between} ran: the same, to
   * make it take writes again, or an empty one after the damaged one was moved away. Calls that run
   * are waited for. Pins are carried over as far as they can be read.
   */
  public void reopen(Runnable between) {
    synchronized (writeLock) {
      List<byte[]> kept = new ArrayList<>();
      try {
        scan(Family.PIN, new byte[0], (recordKey, value) -> kept.add(recordKey));
      } catch (LarderException e) {
        events.onStopped("some pins could not be carried over: " + e.getMessage());
      }
      db.close();
      between.run();
      db = openDatabase();
      blobs.invalidateAll();
      stripes.invalidateAll();
      publish(readSummary(db), 0);
      pinnedBytes = 0;
      db.write(true, batch -> kept.forEach(recordKey -> batch.put(Family.PIN, recordKey, PRESENT)));
      pins.clear();
      loadPins();
    }
  }

  /** Exact totals. */
  public Summary summary() {
    return charge.get().indexed();
  }

  /** What the budget is charged for. */
  public Charge charge() {
    return charge.get();
  }

  /** Charges bytes that no record speaks of yet; gives them back where negative. */
  public void reserve(long bytes) {
    charge.updateAndGet(now -> new Charge(now.indexed(), now.reservedBytes() + bytes));
  }

  private void publish(Summary totals, long unreserved) {
    charge.updateAndGet(now -> new Charge(totals, now.reservedBytes() - unreserved));
  }

  /** A blob's record. */
  public Optional<BlobRecord> blob(BlobKey key) {
    return reading(() -> {
      Optional<BlobRecord> known = blobs.get(key, this::readBlob);
      return known == null ? Optional.empty() : known;
    });
  }

  /** A stripe's record; empty where nothing is present. */
  public StripeRecord stripe(BlobKey key, int stripe) {
    return reading(() -> {
      StripeRecord record =
          stripes.get(new StripeId(key, stripe), id -> readStripe(id.key(), id.stripe()));
      return record == null ? StripeRecord.EMPTY : record;
    });
  }

  /** Visits a blob's stripes that have present blocks, in order. */
  public void stripes(BlobKey key, BiConsumer<Integer, StripeRecord> visitor) {
    byte[] prefix = Records.key(key);
    scan(
        Family.STRIPE,
        prefix,
        (recordKey, value) -> {
          if (!Records.hasPrefix(recordKey, prefix)) {
            return false;
          }
          int stripe = ByteBuffer.wrap(recordKey).getInt(BlobKey.BINARY_BYTES);
          try {
            visitor.accept(stripe, StripeRecord.decode(recordKey, value));
          } catch (BadRecordException e) {
            events.onBadRecord(key, "stripe " + stripe + ": " + e.getMessage());
          }
          return true;
        });
  }

  /** A small blob with its content; not kept on the heap. Empty also where it is unreadable. */
  public Optional<SmallRecord> small(BlobKey key) {
    byte[] recordKey = Records.key(key);
    return reading(() -> {
      byte[] value = get(key, Family.SMALL, recordKey);
      if (value == null) {
        return Optional.empty();
      }
      try {
        return Optional.of(SmallRecord.decode(recordKey, value));
      } catch (BadRecordException e) {
        events.onBadRecord(key, "small blob: " + e.getMessage());
        return Optional.empty();
      }
    });
  }

  /**
   * Up to {@code limit} blobs whose keys follow {@code after} (all, if null), in key order: a page
   * of a walk over everything. An empty list is the end.
   */
  public List<Map.Entry<BlobKey, BlobRecord>> blobsAfter(@Nullable BlobKey after, int limit) {
    List<Map.Entry<BlobKey, BlobRecord>> page = new ArrayList<>(limit);
    byte[] from = after == null ? new byte[0] : Records.key(after);
    scan(
        Family.BLOB,
        from,
        (recordKey, value) -> {
          BlobKey key = Records.blobKeyOf(recordKey);
          if (after != null && key.equals(after)) {
            return true;
          }
          try {
            page.add(Map.entry(key, BlobRecord.decode(recordKey, value)));
          } catch (BadRecordException e) {
            events.onBadRecord(key, "blob record: " + e.getMessage());
          }
          return page.size() < limit;
        });
    return page;
  }

  /**
   * Applies changes together.
   *
   * @param sync whether they must survive a power loss once this returns
   */
  public void change(boolean sync, Consumer<IndexChange> changes) {
    List<BlobKey> touched = new ArrayList<>();
    List<StripeId> touchedStripes = new ArrayList<>();
    try {
      synchronized (writeLock) {
        Recorder[] recorder = new Recorder[1];
        db.write(
            sync,
            batch -> {
              recorder[0] = new Recorder(batch, summary(), touched, touchedStripes);
              changes.accept(recorder[0]);
              batch.put(Family.META, SUMMARY_KEY, recorder[0].totals.encode(SUMMARY_KEY));
            });
        publish(recorder[0].totals, recorder[0].unreserved);
        pinnedBytes += recorder[0].pinnedDelta;
        blobs.invalidateAll(touched);
        stripes.invalidateAll(touchedStripes);
      }
    } catch (IndexFault e) {
      throw onWriteFault(e);
    }
  }

  /**
   * Makes every change so far survive a power loss. Callers that come while the log is being synced
   * share the next sync.
   */
  public void sync() {
    try {
      logSync.run();
    } catch (IndexFault e) {
      throw onWriteFault(e);
    }
  }

  /** Records pins, all or none, with one sync. Survives a power loss. */
  public void addPins(Collection<BlobKey> keys, String owner) {
    writePin(
        batch -> keys.forEach(key -> batch.put(Family.PIN, Records.pinKey(key, owner), PRESENT)));
    synchronized (writeLock) {
      for (BlobKey key : keys) {
        if (pins.add(key)) {
          pinnedBytes += blob(key).map(BlobRecord::chargeBytes).orElse(0L);
        }
      }
    }
  }

  /** Forgets a pin. */
  public void removePin(BlobKey key, String owner) {
    writePin(batch -> batch.delete(Family.PIN, Records.pinKey(key, owner)));
    synchronized (writeLock) {
      if (!hasPin(key) && pins.remove(key)) {
        pinnedBytes -= blob(key).map(BlobRecord::chargeBytes).orElse(0L);
      }
    }
  }

  /** Whether anybody pins the blob. */
  public boolean isPinned(BlobKey key) {
    return pins.contains(key);
  }

  /** Charged bytes of pinned blobs. */
  public long pinnedBytes() {
    return pinnedBytes;
  }

  private boolean hasPin(BlobKey key) {
    byte[] prefix = Records.key(key);
    boolean[] found = new boolean[1];
    scan(
        Family.PIN,
        prefix,
        (recordKey, value) -> {
          found[0] = Records.hasPrefix(recordKey, prefix);
          return false;
        });
    return found[0];
  }

  private void loadPins() {
    List<BlobKey> keys = new ArrayList<>();
    scan(
        Family.PIN,
        new byte[0],
        (recordKey, value) -> {
          BlobKey key = Records.blobKeyOf(recordKey);
          if (pins.add(key)) {
            keys.add(key);
          }
          return true;
        });
    for (BlobKey key : keys) {
      pinnedBytes += blob(key).map(BlobRecord::chargeBytes).orElse(0L);
    }
  }

  /**
   * Removed blobs whose sealed files a crash may have left, as found when the index was opened: see
   * {@link IndexChange#markGoing}.
   */
  public List<BlobKey> going() {
    return going;
  }

  private List<BlobKey> loadGoing() {
    List<BlobKey> keys = new ArrayList<>();
    scan(
        Family.META,
        Records.goingPrefix(),
        (recordKey, value) -> Records.goingKeyOf(recordKey).map(keys::add).orElse(false));
    return List.copyOf(keys);
  }

  /** A value kept for the store under a name, such as a cursor; unchecked. */
  public byte @Nullable [] meta(String name) {
    return reading(() -> db.get(Family.META, name.getBytes(StandardCharsets.US_ASCII)));
  }

  /** Sets a value for the store under a name. */
  public void putMeta(String name, byte[] value) {
    try {
      db.write(
          false, batch -> batch.put(Family.META, name.getBytes(StandardCharsets.US_ASCII), value));
    } catch (IndexFault e) {
      throw onWriteFault(e);
    }
  }

  /** A figure of the database by RocksDB's property name; 0 once closed. */
  public long property(String name) {
    return reading(() -> db.property(name));
  }

  /** Bytes of the block cache in use. */
  public long cacheBytes() {
    return reading(() -> db.cacheBytes());
  }

  /** Hot blob records on the heap. */
  public long cachedBlobs() {
    return blobs.estimatedSize();
  }

  /** Heap bytes of hot digest lists. */
  public long cachedDigestBytes() {
    return stripes.policy().eviction().orElseThrow().weightedSize().orElse(0);
  }

  /** Moves everything into table files: a test damages them, a clean stop saves the replay. */
  public void flush() {
    try {
      db.flush();
    } catch (IndexFault e) {
      throw onWriteFault(e);
    }
  }

  @Override
  public void close() {
    synchronized (writeLock) {
      db.close();
    }
  }

  private RocksIndex db() {
    return db;
  }

  private RocksIndex openDatabase() {
    return new RocksIndex(
        folder,
        settings.rocks(),
        kind -> {
          if (kind == IndexFault.Kind.CORRUPT) {
            events.onCorrupt("a background job of the index found damage");
          } else {
            events.onStopped("a background job of the index failed: " + kind);
          }
        });
  }

  private static Summary readSummary(RocksIndex db) {
    byte[] value = db.get(Family.META, SUMMARY_KEY);
    if (value == null) {
      return Summary.EMPTY;
    }
    try {
      return Summary.decode(SUMMARY_KEY, value);
    } catch (BadRecordException e) {
      throw new IndexFault(IndexFault.Kind.CORRUPT, "totals: " + e.getMessage(), e);
    }
  }

  private Optional<BlobRecord> readBlob(BlobKey key) {
    byte[] recordKey = Records.key(key);
    byte[] value = get(key, Family.BLOB, recordKey);
    if (value == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(BlobRecord.decode(recordKey, value));
    } catch (BadRecordException e) {
      events.onBadRecord(key, "blob record: " + e.getMessage());
      return Optional.empty();
    }
  }

  private StripeRecord readStripe(BlobKey key, int stripe) {
    byte[] recordKey = Records.stripeKey(key, stripe);
    byte[] value = get(key, Family.STRIPE, recordKey);
    if (value == null) {
      return StripeRecord.EMPTY;
    }
    try {
      return StripeRecord.decode(recordKey, value);
    } catch (BadRecordException e) {
      events.onBadRecord(key, "stripe " + stripe + ": " + e.getMessage());
      return StripeRecord.EMPTY;
    }
  }

  /** Damage under one key makes that key absent; the tombstone hides the damaged block from it. */
  private byte @Nullable [] get(BlobKey key, Family family, byte[] recordKey) {
    try {
      return db.get(family, recordKey);
    } catch (IndexFault e) {
      if (e.kind() != IndexFault.Kind.CORRUPT) {
        throw e;
      }
      events.onBadRecord(key, family + ": " + e.getMessage());
      db.write(false, batch -> batch.delete(family, recordKey));
      return null;
    }
  }

  private void scan(Family family, byte[] from, BiPredicate<byte[], byte[]> visitor) {
    reading(() -> {
      try {
        db.scan(family, from, visitor);
      } catch (IndexFault e) {
        if (e.kind() == IndexFault.Kind.CORRUPT) {
          events.onCorrupt("a walk over " + family + " found damage: " + e.getMessage());
        }
        throw e;
      }
      return true;
    });
  }

  private void writePin(Consumer<Batch> change) {
    try {
      db.write(true, change);
    } catch (IndexFault e) {
      throw onWriteFault(e);
    }
  }

  private LarderException onWriteFault(IndexFault e) {
    switch (e.kind()) {
      case CORRUPT -> events.onCorrupt("a write found damage: " + e.getMessage());
      case NO_SPACE, IO -> events.onStopped("a write failed: " + e.getMessage());
      case CLOSED -> {}
    }
    return translate(e);
  }

  private static <T extends @Nullable Object> T reading(Supplier<T> read) {
    try {
      return read.get();
    } catch (IndexFault e) {
      throw translate(e);
    }
  }

  private static LarderException translate(IndexFault e) {
    ErrorCode code =
        switch (e.kind()) {
          case CORRUPT -> ErrorCode.STORE_CORRUPT;
          case NO_SPACE -> ErrorCode.STORE_FULL;
          case IO -> ErrorCode.STORE_IO;
          case CLOSED -> ErrorCode.CLOSED;
        };
    return new LarderException(code, String.valueOf(e.getMessage()), e);
  }

  private final class Recorder implements IndexChange {
    private final Batch batch;
    private final List<BlobKey> touched;
    private final List<StripeId> touchedStripes;
    private Summary totals;
    private long pinnedDelta;
    private long unreserved;

    Recorder(Batch batch, Summary totals, List<BlobKey> touched, List<StripeId> touchedStripes) {
      this.batch = batch;
      this.totals = totals;
      this.touched = touched;
      this.touchedStripes = touchedStripes;
    }

    @Override
    public void putBlob(BlobKey key, @Nullable BlobRecord before, BlobRecord after) {
      byte[] recordKey = Records.key(key);
      batch.put(Family.BLOB, recordKey, after.encode(recordKey));
      count(key, before, after);
    }

    @Override
    public void removeBlob(BlobKey key, @Nullable BlobRecord before) {
      batch.delete(Family.BLOB, Records.key(key));
      count(key, before, null);
    }

    private void count(BlobKey key, @Nullable BlobRecord before, @Nullable BlobRecord after) {
      totals = totals.change(before, after);
      if (pins.contains(key)) {
        pinnedDelta += (after == null ? 0 : after.chargeBytes());
        pinnedDelta -= (before == null ? 0 : before.chargeBytes());
      }
      touched.add(key);
    }

    @Override
    public void putStripe(BlobKey key, int stripe, StripeRecord record) {
      byte[] recordKey = Records.stripeKey(key, stripe);
      batch.put(Family.STRIPE, recordKey, record.encode(recordKey));
      touchedStripes.add(new StripeId(key, stripe));
    }

    @Override
    public void removeStripe(BlobKey key, int stripe) {
      batch.delete(Family.STRIPE, Records.stripeKey(key, stripe));
      touchedStripes.add(new StripeId(key, stripe));
    }

    @Override
    public void putSmall(BlobKey key, SmallRecord record) {
      byte[] recordKey = Records.key(key);
      batch.put(Family.SMALL, recordKey, record.encode(recordKey));
    }

    @Override
    public void removeSmall(BlobKey key) {
      batch.delete(Family.SMALL, Records.key(key));
    }

    @Override
    public void markGoing(BlobKey key) {
      batch.put(Family.META, Records.goingKey(key), PRESENT);
    }

    @Override
    public void unmarkGoing(BlobKey key) {
      batch.delete(Family.META, Records.goingKey(key));
    }

    @Override
    public void unreserve(long bytes) {
      unreserved += bytes;
    }
  }
}
