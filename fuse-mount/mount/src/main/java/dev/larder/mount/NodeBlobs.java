package dev.larder.mount;

import dev.larder.agent.dataset.Datasets;
import dev.larder.agent.fill.SmallContent;
import dev.larder.agent.read.BlobRead;
import dev.larder.agent.read.BlobRead.Source;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.ReadPlane.ReadIntent;
import dev.larder.fuse.BlobNamespace;
import dev.larder.fuse.OpenedBlob;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Blocks;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import dev.larder.store.BlobStore;
import dev.larder.store.BlobStore.BlobInfo;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.BlobStore.State;
import dev.larder.store.BlobStore.StoreListener;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The blobs of this node as FUSE serves them: those sealed here, and those that an attached
 * dataset's catalog lists.
 *
 * <p><b>Threads:</b> any. <b>Ownership:</b> store, plane and datasets belong to the caller and are
 * closed after this.
 */
final class NodeBlobs implements BlobNamespace, StoreListener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NodeBlobs.class);

  private final BlobStore store;
  private final CachedReadPlane plane;
  private final Datasets datasets;
  private final MountConfig config;
  private final Duration patience;
  private final Runnable sealedOpened;
  private final List<PathGlob> whole;
  private final ConcurrentHashMap<BlobKey, Set<LargeFile>> open = new ConcurrentHashMap<>();
  private final ScheduledExecutorService ticker =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("mount-idle").factory());

  /**
   * Opens nothing yet.
   *
   * @param patience how long a read waits for a secret that its origin lacks
   * @param sealedOpened told when a file that the kernel could read by itself is opened here
   */
  NodeBlobs(
      BlobStore store,
      CachedReadPlane plane,
      Datasets datasets,
      MountConfig config,
      Duration patience,
      Runnable sealedOpened) {
    this.store = store;
    this.plane = plane;
    this.datasets = datasets;
    this.config = config;
    this.patience = patience;
    this.sealedOpened = sealedOpened;
    this.whole = config.wholeFileGlobs().stream().map(PathGlob::parse).toList();
  }

  /** Begins to give back what idle files hold. */
  void start() {
    store.addListener(this);
    long idle = config.openIdle().toNanos();
    var unused = ticker.scheduleWithFixedDelay(() -> letGo(idle), idle, idle, TimeUnit.NANOSECONDS);
  }

  @Override
  public OptionalLong sizeOf(BlobKey key) {
    Optional<BlobSource> listed = datasets.sourceOf(key);
    if (listed.isPresent()) {
      return OptionalLong.of(listed.get().object().sizeBytes());
    }
    Optional<BlobInfo> here = store.find(key).filter(info -> info.state() == State.SEALED);
    return here.isPresent() ? OptionalLong.of(here.get().sizeBytes()) : OptionalLong.empty();
  }

  @Override
  public OpenedBlob open(BlobKey key) {
    Optional<BlobSource> listed = datasets.sourceOf(key);
    long size = listed.map(source -> source.object().sizeBytes()).orElse(-1L);
    if (size < 0) {
      size =
          store
              .find(key)
              .filter(info -> info.state() == State.SEALED)
              .map(BlobInfo::sizeBytes)
              .orElseThrow(() ->
                  new LarderException(
                      ErrorCode.UNKNOWN_BLOB, key + " is not here and no dataset lists it"));
    }
    if (Blocks.isSmall(size)) {
      return new SmallFile(this, key, size, () -> openRead(key, ReadIntent.WHOLE));
    }
    if (store.find(key).filter(info -> info.state() == State.SEALED).isPresent()) {
      sealedOpened.run();
    }
    ReadIntent intent = intent(listed);
    LargeFile file =
        new LargeFile(
            this, key, size, new Streams(() -> openRead(key, intent), config.streamsMax()));
    open.compute(
        key,
        (any, files) -> {
          Set<LargeFile> all = files == null ? ConcurrentHashMap.newKeySet() : files;
          all.add(file);
          return all;
        });
    return file;
  }

  private BlobRead openRead(BlobKey key, ReadIntent intent) {
    return plane
        .open(key, intent)
        .map(read -> new PatientRead(read, patience))
        .orElseThrow(() ->
            new LarderException(
                ErrorCode.UNKNOWN_BLOB, key + " is not here and no dataset lists it"));
  }

  private ReadIntent intent(Optional<BlobSource> listed) {
    boolean isWhole = listed.isPresent() && isWhole(listed.get().object().path());
    return isWhole ? ReadIntent.WHOLE : ReadIntent.RANDOM;
  }

  /** Whether a file is to be fetched whole as soon as it is read. */
  boolean isWhole(String path) {
    String name = path.substring(path.lastIndexOf('/') + 1);
    return whole.stream().anyMatch(glob -> glob.matches(name));
  }

  BlobStore store() {
    return store;
  }

  @Nullable ByteBuffer localSmall(BlobKey key) {
    SmallContent hot = plane.tryLocalSmall(key);
    SmallContent here = hot != null ? hot : plane.smalls().stored(key).orElse(null);
    return here == null ? null : here.bytes();
  }

  void served(Source source, long bytes) {
    plane.counters().servedDirectly(source, bytes);
  }

  void damaged(BlobKey key, LarderException e) {
    log.warn("a block failed its check key={} code={}: {}", key, e.code(), e.getMessage());
  }

  void closed(BlobKey key, LargeFile file) {
    open.computeIfPresent(
        key,
        (any, files) -> {
          files.remove(file);
          return files.isEmpty() ? null : files;
        });
  }

  @Override
  public void onSealed(SealedInfo info) {
    changed(info.key());
  }

  @Override
  public void onGone(BlobKey key, boolean whole) {
    changed(key);
  }

  /** Before the kernel is asked to drop its copy, or it would be given the same bytes again. */
  @Override
  public void onWrong(BlobKey key) {
    Set<LargeFile> files = open.get(key);
    if (files != null) {
      files.forEach(LargeFile::foundWrong);
    }
  }

  private void changed(BlobKey key) {
    Set<LargeFile> files = open.get(key);
    if (files != null) {
      files.forEach(LargeFile::changed);
    }
  }

  private void letGo(long idleNanos) {
    try {
      long now = System.nanoTime();
      open.values().forEach(files -> files.forEach(file -> file.letGo(now, idleNanos)));
    } catch (RuntimeException e) {
      // The next round must come, or idle files would hold their blocks for ever.
      log.warn("giving back what idle files hold failed", e);
    }
  }

  @Override
  public void close() {
    ticker.shutdownNow();
    open.values().forEach(files -> List.copyOf(files).forEach(LargeFile::close));
  }
}
