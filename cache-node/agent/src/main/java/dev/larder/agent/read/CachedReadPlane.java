package dev.larder.agent.read;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.fill.FillReader;
import dev.larder.agent.fill.FillReader.ReadShape;
import dev.larder.agent.fill.FillSource;
import dev.larder.agent.fill.SmallContent;
import dev.larder.agent.fill.SmallFills;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.SealedBlob;
import dev.larder.store.BlobStore.State;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The read plane over store and fill engine. Any thread. Readers are to be closed before {@link
 * #close}; engine and store belong to the caller.
 */
public final class CachedReadPlane implements ReadPlane, LocalSmall, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CachedReadPlane.class);

  /** Directories whose reading order is watched. */
  private static final int DIRECTORIES_MAX = 1024;

  private final BlobStore store;
  private final FillEngine engine;
  private final Sources sources;
  private final SmallFills smalls;
  private final int siblingsMax;
  private final ReadCounters counters = new ReadCounters();
  private final Semaphore pastStoreSlots;
  private final Cache<String, SiblingWindow> directories =
      Caffeine.newBuilder().maximumSize(DIRECTORIES_MAX).executor(Runnable::run).build();
  private final ExecutorService background =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("siblings-", 0).factory());

  /** A plane that reads through an engine; {@code siblingsMax} is {@code fill.siblings-max}. */
  public CachedReadPlane(
      ReadConfig config, BlobStore store, FillEngine engine, Sources sources, int siblingsMax) {
    this.store = store;
    this.engine = engine;
    this.sources = sources;
    this.siblingsMax = siblingsMax;
    this.smalls = new SmallFills(engine, config.smallCacheBytes());
    this.pastStoreSlots = new Semaphore(config.passThroughMax());
  }

  @Override
  public BlobRead open(BlobSource source, ReadIntent intent) {
    FillSource from = fillSource(source);
    if (Blocks.isSmall(from.sizeBytes())) {
      SmallRead read = new SmallRead(from, smalls, counters);
      if (siblingsMax > 0) {
        noteSmallRead(source);
      }
      return read;
    }
    return new LargeRead(
        this, from.key(), from.sizeBytes(), shape(intent), Optional.of(from), sealed(from.key()));
  }

  @Override
  public Optional<BlobRead> open(BlobKey key, ReadIntent intent) {
    Optional<BlobInfo> info = find(key).filter(any -> any.state() == State.SEALED);
    if (info.isEmpty()) {
      return sources.sourceOf(key).map(source -> open(source, intent));
    }
    Optional<SealedBlob> file = sealed(key);
    if (file.isPresent()) {
      return Optional.of(
          new LargeRead(this, key, info.get().sizeBytes(), shape(intent), Optional.empty(), file));
    }
    Optional<BlobRead> small =
        smalls.local(key).map(content -> new LocalRead(key, content, counters));
    return small.isPresent() ? small : sources.sourceOf(key).map(source -> open(source, intent));
  }

  @Override
  public @Nullable SmallContent tryLocalSmall(BlobKey key) {
    SmallContent content = smalls.hot(key);
    if (content != null) {
      counters.handedOut(Source.LOCAL, content.size(), true);
    }
    return content;
  }

  /** What readers were handed. */
  public ReadCounters counters() {
    return counters;
  }

  /** Small blobs, for warm-ups. */
  public SmallFills smalls() {
    return smalls;
  }

  /** Joins or starts a blob's fill, for warm-ups; the caller closes the result. */
  public FillReader fill(FillSource source, ReadShape shape) {
    return engine.open(source, shape);
  }

  /** A fill's source for a dataset's file. */
  public FillSource fillSource(BlobSource source) {
    return new FillSource(sources.origin(source.dataset()), source.object());
  }

  @Override
  public void close() {
    background.shutdownNow();
    smalls.close();
  }

  FillEngine engine() {
    return engine;
  }

  Optional<FillSource> sourceOf(BlobKey key) {
    return sources.sourceOf(key).map(this::fillSource);
  }

  PassThrough pastStore(FillSource source) {
    if (!pastStoreSlots.tryAcquire()) {
      throw new LarderException(
          ErrorCode.TOO_MANY, "read.passthrough-max readers go past the store already");
    }
    return new PassThrough(source, engine.counters());
  }

  void pastStoreEnded() {
    pastStoreSlots.release();
  }

  void damaged(BlobKey key, LarderException e) {
    engine.counters().diskWasWrong();
    log.warn("sealed blob is damaged key={} code={}: {}", key, e.code(), e.getMessage());
  }

  private Optional<BlobInfo> find(BlobKey key) {
    try {
      return store.find(key);
    } catch (LarderException e) {
      engine.storeFailed(e);
      return Optional.empty();
    }
  }

  private Optional<SealedBlob> sealed(BlobKey key) {
    try {
      return store.openSealed(key);
    } catch (LarderException e) {
      engine.storeFailed(e);
      return Optional.empty();
    }
  }

  private void noteSmallRead(BlobSource source) {
    String path = source.object().path();
    String directory = source.dataset() + '/' + path.substring(0, path.lastIndexOf('/') + 1);
    SiblingWindow window = directories.get(directory, any -> new SiblingWindow(siblingsMax));
    Optional<SiblingWindow.Ahead> ahead;
    synchronized (window) {
      ahead = window.onRead(path);
    }
    ahead.ifPresent(
        wanted -> background.execute(() -> fetchSiblings(source.dataset(), window, wanted)));
  }

  private void fetchSiblings(String dataset, SiblingWindow window, SiblingWindow.Ahead wanted) {
    try {
      List<BlobSource> files = sources.siblings(dataset, wanted.afterPath(), wanted.count());
      smalls.fetchAhead(files.stream().map(this::fillSource).toList());
      synchronized (window) {
        window.reached(files.isEmpty() ? "" : files.getLast().object().path());
      }
    } catch (LarderException e) {
      log.info("no siblings dataset={} code={}: {}", dataset, e.code(), e.getMessage());
    }
  }

  private static ReadShape shape(ReadIntent intent) {
    return switch (intent) {
      case RANDOM -> ReadShape.RANDOM;
      case SEQUENTIAL -> ReadShape.SEQUENTIAL;
      case WHOLE -> ReadShape.WHOLE;
    };
  }
}
