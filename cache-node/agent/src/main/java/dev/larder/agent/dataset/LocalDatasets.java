package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Definition.KeptSnapshot;
import dev.larder.agent.dataset.Lister.Listing;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.Sources;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.NewSnapshot;
import dev.larder.coordinator.api.SnapshotDefinition;
import dev.larder.origin.Origin;
import dev.larder.origin.OriginOptions;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.PathGlob;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The datasets of this node: definitions in files, catalogs in the store, changes through the
 * coordinator. Store and coordinator belong to the caller.
 *
 * <p><b>Threads:</b> any. Changes take turns, all but the listing itself.
 */
public final class LocalDatasets implements Datasets, QuickStat, Sources, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LocalDatasets.class);

  private final DatasetConfig config;
  private final BlobStore store;
  private final CoordinatorClient coordinator;
  private final Function<Definition, Origin> opener;
  private final DefinitionFiles files;
  private final Lister lister;
  private final ConcurrentSkipListMap<DatasetName, Attached> attached =
      new ConcurrentSkipListMap<>();
  private final Object changes = new Object();

  private volatile DatasetListener listener = DatasetListener.NONE;

  /** Opens origins for datasets. */
  public interface OriginOpener {
    /** As {@code Origins.open}. */
    Origin open(String uri, OriginOptions options);
  }

  /**
   * Datasets kept below a directory.
   *
   * @param directory for definitions and temporary files; made if absent
   */
  public LocalDatasets(
      DatasetConfig config,
      Path directory,
      BlobStore store,
      CoordinatorClient coordinator,
      OriginOpener opener) {
    this.config = config;
    this.store = store;
    this.coordinator = coordinator;
    this.opener = definition -> opener.open(definition.uri(), definition.options());
    this.files = new DefinitionFiles(directory);
    this.lister = new Lister(store, directory.resolve("tmp"), config);
  }

  /** Reads the definitions. */
  public void start() {
    for (Definition definition : files.load()) {
      attached.put(definition.name(), new Attached(definition, store, opener));
    }
    log.info("datasets attached count={}", attached.size());
  }

  /** Who is asked and told of changes. */
  public void tell(DatasetListener users) {
    listener = users;
  }

  @Override
  public DatasetInfo create(
      DatasetName name, String uri, OriginOptions options, Consumer<ListingProgress> progress) {
    checkNew(name);
    Definition draft = new Definition(name, uri, options, Instant.now(), List.of());
    Attached next = new Attached(draft, store, opener);
    String owner = owner(name, "new-" + System.nanoTime());
    BlobKey listed = null;
    boolean isDefined = false;
    try {
      Origin origin = next.origin();
      Listing listing = lister.list(name.text(), origin, owner, progress);
      listed = listing.summary().key();
      synchronized (changes) {
        checkNew(name);
        var defined = coordinator.createDataset(name, uri, options.values());
        isDefined = true;
        KeptSnapshot first = addSnapshot(name, origin, listing);
        next.replace(new Definition(name, uri, options, defined.createdAt(), List.of(first)));
        files.save(next.definition());
        attached.put(name, next);
      }
      return next.definition().info();
    } catch (RuntimeException e) {
      next.close();
      if (isDefined) {
        undefine(name, e);
      }
      throw e;
    } finally {
      if (listed != null) {
        store.unpin(listed, owner);
      }
    }
  }

  @Override
  public DatasetInfo refresh(DatasetName name, Consumer<ListingProgress> progress) {
    Attached dataset = find(name);
    Origin origin = dataset.origin();
    String owner = owner(name, "new-" + System.nanoTime());
    Listing listing = lister.list(name.text(), origin, owner, progress);
    boolean isNew = false;
    try {
      synchronized (changes) {
        Definition before = find(name).definition();
        Optional<KeptSnapshot> newest = before.find(OptionalLong.empty());
        BlobKey key = listing.summary().key();
        if (newest.isEmpty() || !newest.get().info().catalog().equals(key)) {
          List<KeptSnapshot> snapshots = new ArrayList<>(before.snapshots());
          snapshots.add(addSnapshot(name, origin, listing));
          List<KeptSnapshot> dropped = dropOld(name, snapshots);
          Definition after = before.with(snapshots);
          files.save(after);
          dataset.replace(after);
          dropped.forEach(each -> unpin(name, each));
          isNew = true;
        }
      }
      if (isNew) {
        listener.onRefreshed(name);
      }
      return dataset.definition().info();
    } finally {
      store.unpin(listing.summary().key(), owner);
    }
  }

  @Override
  public void delete(DatasetName name) {
    Attached dataset;
    synchronized (changes) {
      dataset = find(name);
      listener.checkDelete(name);
      try {
        coordinator.deleteDataset(name);
      } catch (LarderException e) {
        if (e.code() != ErrorCode.UNKNOWN_DATASET) {
          throw e;
        }
        log.info("the coordinator did not know dataset={}", name);
      }
      listener.onDeleting(name);
      attached.remove(name);
      files.delete(name);
    }
    dataset.close();
    dataset.definition().snapshots().forEach(each -> unpin(name, each));
  }

  @Override
  public List<DatasetInfo> list() {
    return attached.values().stream().map(each -> each.definition().info()).toList();
  }

  @Override
  public DatasetInfo get(DatasetName name) {
    return find(name).definition().info();
  }

  @Override
  public Entry stat(SnapshotRef snapshot, String path) {
    return catalog(snapshot).stat(path);
  }

  @Override
  public List<Entry> list(SnapshotRef snapshot, String path, Optional<String> after, int limit) {
    return catalog(snapshot).list(path, after, limit);
  }

  @Override
  public void walk(SnapshotRef snapshot, String glob, Consumer<Entry> visitor) {
    catalog(snapshot).walk(PathGlob.parse(glob), visitor);
  }

  @Override
  public BlobSource source(SnapshotRef snapshot, Entry file) {
    return catalog(snapshot).source(file);
  }

  @Override
  public Optional<BlobSource> sourceOf(BlobKey key) {
    for (Attached dataset : attached.values()) {
      for (KeptSnapshot snapshot : dataset.definition().snapshots().reversed()) {
        Optional<BlobSource> found = sourceIn(dataset, snapshot, key);
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  @Override
  public SnapshotInfo resolve(SnapshotRef snapshot) {
    return find(snapshot.dataset()).snapshot(snapshot.snapshot()).info();
  }

  @Override
  public @Nullable Found tryStat(SnapshotRef snapshot, String path) {
    Attached dataset = attached.get(snapshot.dataset());
    Optional<KeptSnapshot> kept =
        dataset == null ? Optional.empty() : dataset.definition().find(snapshot.snapshot());
    OpenCatalog open = dataset == null || kept.isEmpty() ? null : dataset.readyCatalog(kept.get());
    if (open == null) {
      return null;
    }
    try {
      long number = kept.get().info().number();
      return open.find(path).map(entry -> new Found(entry, number)).orElse(null);
    } catch (LarderException e) {
      log.debug("left to stat snapshot={} code={}", snapshot, e.code());
      return null;
    }
  }

  @Override
  public Origin origin(String dataset) {
    return find(new DatasetName(dataset)).origin();
  }

  @Override
  public List<BlobSource> siblings(String dataset, String afterPath, int max) {
    Attached found = find(new DatasetName(dataset));
    return found.catalog(found.snapshot(OptionalLong.empty())).smallFilesAfter(afterPath, max);
  }

  /** Datasets attached. */
  public int size() {
    return attached.size();
  }

  @Override
  public void close() {
    attached.values().forEach(Attached::close);
    attached.clear();
  }

  private void checkNew(DatasetName name) {
    if (attached.containsKey(name)) {
      throw new LarderException(ErrorCode.ALREADY_EXISTS, "dataset " + name + " exists already");
    }
    if (attached.size() >= config.datasetsMax()) {
      throw new LarderException(
          ErrorCode.TOO_MANY, "dataset.max: " + config.datasetsMax() + " datasets are attached");
    }
  }

  private KeptSnapshot addSnapshot(DatasetName name, Origin origin, Listing listing) {
    var totals = listing.summary().totals();
    SnapshotDefinition added =
        coordinator.addSnapshot(
            name,
            new NewSnapshot(
                listing.summary().key(),
                listing.sealed().root(),
                listing.summary().imageBytes(),
                totals.files(),
                totals.bytes(),
                listing.skipped(),
                listing.from(),
                listing.to()));
    store.pin(listing.summary().key(), owner(name, Long.toString(added.number())));
    SnapshotInfo info =
        new SnapshotInfo(
            added.number(),
            listing.summary().key(),
            totals.files(),
            totals.bytes(),
            listing.skipped(),
            listing.from(),
            listing.to());
    return new KeptSnapshot(
        info,
        listing.sealed().root(),
        listing.summary().imageBytes(),
        origin.uri(),
        listing.hasOwnUris());
  }

  private List<KeptSnapshot> dropOld(DatasetName name, List<KeptSnapshot> snapshots) {
    List<KeptSnapshot> dropped = new ArrayList<>();
    for (KeptSnapshot each : List.copyOf(snapshots.subList(0, snapshots.size() - 1))) {
      SnapshotRef ref = new SnapshotRef(name, OptionalLong.of(each.info().number()));
      if (snapshots.size() > config.snapshotsMax() && !listener.isKept(ref)) {
        snapshots.remove(each);
        dropped.add(each);
        log.info("old snapshot dropped snapshot={}", ref);
      }
    }
    return dropped;
  }

  private void undefine(DatasetName name, RuntimeException cause) {
    try {
      coordinator.deleteDataset(name);
    } catch (LarderException e) {
      log.warn("dataset stays defined at the coordinator name={} code={}", name, e.code());
      cause.addSuppressed(e);
    }
  }

  private void unpin(DatasetName name, KeptSnapshot snapshot) {
    listener.onSnapshotGone(snapshot.info().catalog());
    store.unpin(snapshot.info().catalog(), owner(name, Long.toString(snapshot.info().number())));
  }

  private static String owner(DatasetName name, String snapshot) {
    return "catalog:" + name + "@" + snapshot;
  }

  private OpenCatalog catalog(SnapshotRef snapshot) {
    Attached dataset = find(snapshot.dataset());
    return dataset.catalog(dataset.snapshot(snapshot.snapshot()));
  }

  private Attached find(DatasetName name) {
    Attached dataset = attached.get(name);
    if (dataset == null) {
      throw new LarderException(ErrorCode.UNKNOWN_DATASET, "there is no dataset " + name);
    }
    return dataset;
  }

  private static Optional<BlobSource> sourceIn(
      Attached dataset, KeptSnapshot snapshot, BlobKey key) {
    try {
      return dataset.catalog(snapshot).byKey(key);
    } catch (LarderException e) {
      log.warn(
          "catalog not searched dataset={} snapshot={} code={}",
          dataset.definition().name(),
          snapshot.info().number(),
          e.code());
      return Optional.empty();
    }
  }
}
