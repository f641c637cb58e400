package dev.larder.agent.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.larder.agent.FakeOrigin;
import dev.larder.agent.FaultyStore;
import dev.larder.agent.fill.FillConfig;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.FillMeter;
import dev.larder.agent.fill.Roots;
import dev.larder.agent.read.BlobRead.FileSpan;
import dev.larder.agent.read.BlobRead.MemorySpan;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.origin.Origin;
import dev.larder.origin.OriginObject;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.State;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreConfig;
import dev.larder.testkit.Records;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** A read plane over a real store and a fake origin, and ways to read through it. */
public final class ReadRig implements AutoCloseable, Sources, Roots {
  private static final long MIB = 1L << 20;

  public final FakeOrigin origin;
  public final FaultyStore store;
  public final FillEngine engine;
  public final CachedReadPlane plane;
  public final List<SealedInfo> sealed = new ArrayList<>();
  public volatile Optional<Digest> expectedRoot = Optional.empty();

  /** Takes part in what is known of roots. */
  public volatile @Nullable Roots ledger;

  /** Keys that members do not agree on. */
  public final Set<BlobKey> disputed = ConcurrentHashMap.newKeySet();

  /** Keys that sealed on another root than the expected one. */
  public final List<BlobKey> disagreed = new CopyOnWriteArrayList<>();

  private final TreeMap<String, OriginObject> files = new TreeMap<>();

  public ReadRig(Path directory, FakeOrigin origin) {
    this(StoreConfig.defaults(directory), origin, FillConfig.defaults());
  }

  public ReadRig(StoreConfig store, FakeOrigin origin, FillConfig fill) {
    this.origin = origin;
    this.store = new FaultyStore(LarderStore.open(store));
    this.engine = new FillEngine(fill, this.store, this, FillMeter.NONE);
    this.plane =
        new CachedReadPlane(ReadConfig.defaults(), this.store, engine, this, fill.siblingsMax());
    engine.start();
  }

  public void list(OriginObject file) {
    files.put(file.path(), file);
  }

  public BlobRead open(OriginObject object, ReadIntent intent) {
    return plane.open(new BlobSource("data", object), intent);
  }

  /** Reads a range and compares every byte; returns bytes by source, local first. */
  public long[] readAndCompare(OriginObject object, long offset, long length, ReadIntent intent) {
    try (BlobRead read = open(object, intent)) {
      return compare(read, origin.content(object), offset, length);
    }
  }

  public static long[] compare(BlobRead read, byte[] expected, long offset, long length) {
    long[] bySource = new long[3];
    long position = offset;
    while (position < offset + length) {
      BlobRead.Span span = read.next(position, offset + length - position);
      ByteBuffer bytes = bytes(span);
      assertEquals(span.length(), bytes.remaining(), "short span");
      int wrong = bytes.mismatch(ByteBuffer.wrap(expected, (int) position, bytes.remaining()));
      if (wrong >= 0) {
        fail("wrong byte at " + (position + wrong) + " from " + span);
      }
      bySource[span.source().ordinal()] += span.length();
      position += span.length();
    }
    return bySource;
  }

  private static ByteBuffer bytes(BlobRead.Span span) {
    return switch (span) {
      case MemorySpan memory -> memory.bytes();
      case FileSpan file -> {
        ByteBuffer buffer = ByteBuffer.allocate((int) file.length());
        try {
          while (buffer.hasRemaining()
              && file.channel().read(buffer, file.position() + buffer.position()) > 0) {
            // Until it is full.
          }
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
        yield buffer.flip();
      }
    };
  }

  public boolean isSealed(OriginObject object) {
    return store.find(object.key()).filter(info -> info.state() == State.SEALED).isPresent();
  }

  public static void await(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        fail("did not happen in time: " + what);
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }

  public static FillConfig quick(int storeRetryMillis) {
    return Records.with(
        FillConfig.defaults(),
        "inflightMaxBytes",
        64 * MIB,
        "parallelMax",
        8,
        "blobParallelMax",
        4,
        "runMaxBytes",
        4 * MIB,
        "readAheadMaxBytes",
        16 * MIB,
        "buffersMaxBytes",
        16 * MIB,
        "hashThreads",
        2,
        "lingerFor",
        Duration.ofMillis(200),
        "storeRetryAfter",
        Duration.ofMillis(storeRetryMillis));
  }

  @Override
  public Origin origin(String dataset) {
    return origin;
  }

  @Override
  public Optional<BlobSource> sourceOf(BlobKey key) {
    return files.values().stream()
        .filter(file -> file.key().equals(key))
        .map(file -> new BlobSource("data", file))
        .findFirst();
  }

  @Override
  public List<BlobSource> siblings(String dataset, String afterPath, int max) {
    return files.tailMap(afterPath, false).values().stream()
        .limit(max)
        .map(file -> new BlobSource(dataset, file))
        .toList();
  }

  @Override
  public Optional<Digest> expected(BlobKey key) {
    Roots more = ledger;
    return more == null ? expectedRoot : more.expected(key);
  }

  @Override
  public boolean isDisputed(BlobKey key) {
    return disputed.contains(key);
  }

  @Override
  public void disagrees(SealedInfo own) {
    disagreed.add(own.key());
  }

  @Override
  public synchronized void sealed(SealedInfo info) {
    sealed.add(info);
    Roots more = ledger;
    if (more != null) {
      more.sealed(info);
    }
  }

  public BlobStore realStore() {
    return store;
  }

  @Override
  public void close() {
    plane.close();
    engine.close();
    store.close();
  }
}
