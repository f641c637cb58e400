package dev.larder.agent.fill;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.larder.agent.fill.Found.Came;
import dev.larder.origin.Origin.OriginRead;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ContentChecksum;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Blobs of at most 64 KiB: one request each, however many ask, checked whole before the first byte
 * is handed out, kept in the store and, while hot, in memory.
 *
 * <p><b>Threads:</b> any; {@link #hot} never blocks.
 */
public final class SmallFills implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SmallFills.class);

  /** What an entry costs beside its bytes: key, node, buffer object. */
  private static final int ENTRY_OVERHEAD_BYTES = 256;

  private static final Small EMPTY = new Small(SmallContent.of(ByteBuffer.allocate(0)), Came.LOCAL);

  private final FillEngine engine;
  private final Cache<BlobKey, SmallContent> hot;
  private final ConcurrentHashMap<BlobKey, CompletableFuture<Small>> flights =
      new ConcurrentHashMap<>();
  private final Semaphore aheadSlots;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("small-", 0).factory());

  /**
   * Content of a small blob.
   *
   * @param came where it was when it was asked for
   */
  public record Small(SmallContent content, Came came) {}

  /** Small fills that keep at most {@code hotMaxBytes} ({@code read.small-cache}) in memory. */
  public SmallFills(FillEngine engine, long hotMaxBytes) {
    this.engine = engine;
    this.aheadSlots = new Semaphore(engine.config().smallParallelMax());
    this.hot =
        Caffeine.newBuilder()
            .maximumWeight(hotMaxBytes)
            .weigher((BlobKey key, SmallContent value) -> value.size() + ENTRY_OVERHEAD_BYTES)
            .executor(Runnable::run)
            .build();
    engine.smallsBy(this);
  }

  /** The content if it is in memory, else null; never blocks. */
  public @Nullable SmallContent hot(BlobKey key) {
    return hot.getIfPresent(key);
  }

  /** The content if it is in memory or in the store. */
  public Optional<SmallContent> local(BlobKey key) {
    SmallContent cached = hot.getIfPresent(key);
    if (cached != null) {
      return Optional.of(cached);
    }
    Optional<SmallContent> stored = stored(key);
    stored.ifPresent(content -> hot.put(key, content));
    return stored;
  }

  /**
   * The content if it is in the store, for one who keeps it by itself, as the kernel does: it is
   * not kept in memory, where it would take the place of what others need.
   */
  public Optional<SmallContent> stored(BlobKey key) {
    try {
      return engine.store().readSmall(key).map(SmallContent::of);
    } catch (LarderException e) {
      engine.storeFailed(e);
      return Optional.empty();
    }
  }

  /**
   * The content, from the origin where it is not here.
   *
   * @throws LarderException ORIGIN_*, DEADLINE, CANCELLED
   */
  public Small read(FillSource source) {
    if (source.sizeBytes() == 0) {
      return EMPTY;
    }
    Optional<SmallContent> here = local(source.key());
    if (here.isPresent()) {
      return new Small(here.get(), Came.LOCAL);
    }
    CompletableFuture<Small> mine = new CompletableFuture<>();
    CompletableFuture<Small> flight = flights.putIfAbsent(source.key(), mine);
    return flight != null ? join(flight, source) : lead(source, mine);
  }

  /**
   * Brings a blob into the store, for warm-ups.
   *
   * @throws LarderException as {@link #read}; STORE_FULL when the store did not take it,
   *     STORE_CORRUPT while members do not agree on its root
   */
  public void fill(FillSource source) {
    engine.checkUndisputed(source.key());
    read(source);
    if (engine.store().find(source.key()).isEmpty()) {
      throw new LarderException(ErrorCode.STORE_FULL, "the store takes no writes now");
    }
  }

  /**
   * Fetches files in the background, as many at once as {@code fill.small-parallel-max} allows;
   * those that are here or under way are left out. Faults are left to whoever reads the file.
   */
  public void fetchAhead(List<FillSource> sources) {
    for (FillSource source : sources) {
      if (hot.getIfPresent(source.key()) == null && !flights.containsKey(source.key())) {
        CompletableFuture<Small> flight = new CompletableFuture<>();
        if (flights.putIfAbsent(source.key(), flight) == null) {
          threads.execute(() -> ahead(source, flight));
        }
      }
    }
  }

  /** The bytes kept were found wrong. Never waits. */
  void foundWrong(BlobKey key) {
    hot.invalidate(key);
  }

  @Override
  public void close() {
    threads.shutdownNow();
    hot.invalidateAll();
  }

  /** Entries and bytes in memory, roughly. */
  public long hotBytes() {
    return hot.policy().eviction().map(each -> each.weightedSize().orElse(0)).orElse(0L);
  }

  private void ahead(FillSource source, CompletableFuture<Small> flight) {
    try {
      aheadSlots.acquire();
      try {
        if (lead(source, flight).came() != Came.LOCAL) {
          engine.counters().siblingFetches.increment();
        }
      } finally {
        aheadSlots.release();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      flight.completeExceptionally(
          new LarderException(ErrorCode.CANCELLED, "the agent is shutting down", e));
    } catch (LarderException e) {
      log.debug("fetch ahead failed key={} code={}: {}", source.key(), e.code(), e.getMessage());
    } finally {
      flights.remove(source.key(), flight);
    }
  }

  private Small lead(FillSource source, CompletableFuture<Small> flight) {
    try {
      // An earlier flight may have landed between the look and the start of this one.
      Optional<SmallContent> landed = local(source.key());
      Small small = landed.isPresent() ? new Small(landed.get(), Came.LOCAL) : fetch(source);
      if (!engine.isDisputed(source.key())) {
        hot.put(source.key(), small.content());
      }
      flight.complete(small);
      return small;
    } catch (LarderException e) {
      flight.completeExceptionally(e);
      throw e;
    } catch (RuntimeException | Error e) {
      LarderException fault = Faults.of(e);
      flight.completeExceptionally(fault);
      throw fault;
    } finally {
      flights.remove(source.key(), flight);
    }
  }

  private Small join(CompletableFuture<Small> flight, FillSource source) {
    try {
      // The leader's origin has its own progress deadline; this one only keeps a defect from
      // hanging.
      return flight.get(10, TimeUnit.MINUTES);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting", e);
    } catch (TimeoutException e) {
      throw new LarderException(ErrorCode.DEADLINE, "no answer for " + source.key(), e);
    } catch (ExecutionException e) {
      throw Faults.again(Faults.of(e));
    }
  }

  /**
   * What this node has or is fetching of a blob, for another member; waits for a fetch.
   *
   * @param nanosMax longest wait
   * @return empty when it has nothing and gets nothing in time
   */
  Optional<ByteBuffer> forMember(BlobKey key, long nanosMax) {
    CompletableFuture<Small> flight = flights.get(key);
    if (flight != null) {
      try {
        return Optional.of(flight.get(nanosMax, TimeUnit.NANOSECONDS).content().bytes());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting", e);
      } catch (TimeoutException | ExecutionException e) {
        log.debug("nothing for a member key={}: {}", key, e.toString());
        return Optional.empty();
      }
    }
    return stored(key).map(SmallContent::bytes);
  }

  private Small fetch(FillSource source) {
    if (engine.members().isAlone() || engine.isDisputed(source.key())) {
      return new Small(SmallContent.of(fromOrigin(source)), Came.ORIGIN);
    }
    try (SharedSmall shared = new SharedSmall(engine, source)) {
      ByteBuffer content = shared.fromMember();
      Came came = content == null ? Came.ORIGIN : Came.PEER;
      content = content == null ? fromOrigin(source) : keep(source, content, Optional.empty());
      if (came == Came.PEER) {
        engine.counters().peerKeptBytes.add(source.sizeBytes());
      }
      if (engine.store().find(source.key()).isPresent()) {
        shared.kept(content);
      }
      return new Small(SmallContent.of(content), came);
    }
  }

  private ByteBuffer fromOrigin(FillSource source) {
    int size = (int) source.sizeBytes();
    ByteBuffer content = ByteBuffer.allocate(size);
    Optional<ContentChecksum> checksum;
    try (OriginRead in = source.origin().open(source.object(), 0, size)) {
      while (content.hasRemaining()) {
        if (in.read(content) < 0) {
          throw new LarderException(
              ErrorCode.ORIGIN_UNAVAILABLE,
              source.object().uri() + " ended at byte " + content.position() + " of " + size);
        }
      }
      checksum = in.checksum();
    } catch (LarderException e) {
      engine.counters().requestEnded(source, e);
      throw e;
    }
    engine.counters().requestEnded(source, null);
    engine.counters().bytesCame(source, size);
    content.flip();
    return keep(source, content, checksum);
  }

  private ByteBuffer keep(FillSource source, ByteBuffer content, Optional<ContentChecksum> sum) {
    try {
      Trust trust = Trust.ATTESTED;
      if (sum.isPresent()) {
        Checksums.check(sum.get(), content.duplicate(), source.object().uri());
        trust = Trust.VERIFIED;
      }
      Checksums.checkKey(source.key(), content.duplicate(), source.object().uri());
      if (!engine.isStoreDown() && !engine.isDisputed(source.key())) {
        engine.sealed(engine.store().putSmall(source.key(), content, trust, Optional.empty()));
      }
    } catch (LarderException e) {
      if (e.code() == ErrorCode.ORIGIN_CORRUPT) {
        engine.counters().originWasWrong();
        throw e;
      }
      engine.storeFailed(e);
    }
    return content;
  }
}
