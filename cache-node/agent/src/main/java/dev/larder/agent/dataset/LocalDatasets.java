package dev.larder.agent.dataset;

import dev.larder.agent.dataset.Definition.KeptSnapshot;
import dev.larder.agent.dataset.Lister.Listing;
import dev.larder.agent.read.ReadPlane.BlobSource;
import dev.larder.agent.read.Sources;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.DatasetList;
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
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import java.util.function.LongFunction;
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
  private final OriginOpener opener;
  private final DefinitionFiles files;
  private final Clock clock;
  private final Lister lister;
  private final ConcurrentSkipListMap<DatasetName, Attached> attached =
      new ConcurrentSkipListMap<>();
  private final Object changes = new Object();
  private final CatalogIntake intake;
  private final DatasetSync sync;
  private volatile DatasetListener listener = DatasetListener.NONE;

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
      OriginOpener opener,
      Clock clock) {
    this.clock = clock;
    this.config = config;
    this.store = store;
    this.coordinator = coordinator;
    this.opener = opener;
    this.files = new DefinitionFiles(directory);
    this.lister = new Lister(store, directory.resolve("tmp"), config, clock);
    this.intake = new CatalogIntake(store, lister, directory.resolve("tmp"));
    this.sync = new DatasetSync(this, coordinator, config.syncEvery());
  }

  /** Reads the definitions and begins to follow the cluster's. */
  public void start() {
    for (Definition definition : files.load()) {
      attached.put(definition.name(), new Attached(definition, store, opener));
    }
    log.info("datasets attached count={}", attached.size());
    sync.start();
  }

  /** Where catalogs come from that other members made. */
  public void catalogsFrom(CatalogSource members) {
    intake.from(members);
  }

  /**
   * Takes over what other members changed.
   *
   * @param cluster asked while no change of this node's own is at work, so that its answer is not
   *     older than one; empty where nothing changed
   * @return the revision that need not be asked for again; 0 for none
   */
  long take(LongFunction<Optional<DatasetList>> cluster, long known) {
    List<DatasetName> refreshed = new ArrayList<>();
    long revision;
    synchronized (changes) {
      Optional<DatasetList> news = cluster.apply(known);
      if (news.isEmpty()) {
        return known;
      }
      DatasetList there = news.get();
      SharedDatasets.Plan plan =
          SharedDatasets.plan(
              attached.values().stream().map(Attached::definition).toList(),
              there,
              (name, number) -> listener.isKept(new SnapshotRef(name, OptionalLong.of(number))));
      boolean isFinal = plan.isFinal();
      for (Definition definition : plan.put()) {
        isFinal &= put(definition, refreshed);
      }
      for (DatasetName name : plan.deleted()) {
        isFinal &= takeDeletion(name);
      }
      revision = isFinal ? there.revision() : 0;
    }
    refreshed.forEach(listener::onRefreshed);
    return revision;
  }

  /** False where there is no room for it. */
  private boolean put(Definition definition, List<DatasetName> refreshed) {
    DatasetName name = definition.name();
    Attached known = attached.get(name);
    if (known == null) {
      if (attached.size() >= config.datasetsMax()) {
        log.warn("dataset.max: {} are attached; left out dataset={}", attached.size(), name);
        return false;
      }
      files.save(definition);
      attached.put(name, new Attached(definition, store, opener));
      log.info("dataset attached name={}", name);
      return true;
    }
    Definition before = known.definition();
    files.save(definition);
    known.replace(definition);
    before.snapshots().stream()
        .filter(each -> definition.find(OptionalLong.of(each.info().number())).isEmpty())
        .forEach(each -> unpin(name, each));
    if (!before.snapshots().isEmpty()
        && !definition.snapshots().isEmpty()
        && before.snapshots().getLast().info().number()
            < definition.snapshots().getLast().info().number()) {
      refreshed.add(name);
    }
    return true;
  }

  /** False where it is in use. */
  private boolean takeDeletion(DatasetName name) {
    try {
      listener.checkDelete(name);
    } catch (LarderException e) {
      log.info("deleted elsewhere, still in use here dataset={}: {}", name, e.getMessage());
      return false;
    }
    detach(name);
    log.info("dataset deleted elsewhere name={}", name);
    return true;
  }

  /** Who is asked and told of changes. */
  public void tell(DatasetListener users) {
    listener = users;
  }

  @Override
  public DatasetInfo create(
      DatasetName name, String uri, OriginOptions options, Consumer<ListingProgress> progress) {
    checkNew(name);
    Definition draft = new Definition(name, uri, options, clock.instant(), List.of());
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
      listener.onSnapshotMade(listed);
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
        Definition before = here(name).definition();
        Optional<KeptSnapshot> newest = before.find(OptionalLong.empty());
        BlobKey key = listing.summary().key();
        if (newest.isEmpty() || !newest.get().info().catalog().equals(key)) {
          List<KeptSnapshot> snapshots = new ArrayList<>(before.snapshots());
          snapshots.add(addSnapshot(name, origin, listing));
          Definition after = before.with(snapshots);
          files.save(after);
          dataset.replace(after);
          dropOld(dataset);
          isNew = true;
        }
      }
      if (isNew) {
        listener.onSnapshotMade(listing.summary().key());
        listener.onRefreshed(name);
      }
      return dataset.definition().info();
    } finally {
      store.unpin(listing.summary().key(), owner);
    }
  }

  @Override
  public void delete(DatasetName name) {
    Attached unused = find(name);
    synchronized (changes) {
      Attached unusedToo = here(name);
      listener.checkDelete(name);
      try {
        coordinator.deleteDataset(name);
      } catch (LarderException e) {
        unlessUnknown(e, name);
      }
      detach(name);
    }
  }

  private void detach(DatasetName name) {
    listener.onDeleting(name);
    Attached dataset = attached.remove(name);
    files.delete(name);
    if (dataset != null) {
      dataset.close();
      dataset.definition().snapshots().forEach(each -> unpin(name, each));
    }
  }

  @Override
  public void deleteSnapshot(SnapshotRef snapshot) {
    long number =
        snapshot
            .snapshot()
            .orElseThrow(() ->
                new LarderException(
                    ErrorCode.BAD_REQUEST, "snapshot \"" + snapshot + "\" lacks its number"));
    Attached unused = find(snapshot.dataset());
    synchronized (changes) {
      Attached dataset = here(snapshot.dataset());
      NavigableSet<Long> known = numbers(dataset);
      if (!known.contains(number)) {
        throw new LarderException(
            ErrorCode.UNKNOWN_DATASET,
            "dataset " + snapshot.dataset() + " has no snapshot " + number);
      }
      if (number == known.last()) {
        throw stays(snapshot, "the newest of its dataset");
      }
      if (listener.isKept(snapshot)) {
        throw stays(snapshot, "pinned or mounted");
      }
      forget(dataset, List.of(number));
    }
  }

  @Override
  public List<Long> keepLast(DatasetName name, int count) {
    if (count < 1) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST, "at least the newest snapshot stays, not " + count);
    }
    Attached unused = find(name);
    synchronized (changes) {
      Attached dataset = here(name);
      List<Long> known = List.copyOf(numbers(dataset));
      List<Long> old =
          known.subList(0, Math.max(0, known.size() - count)).stream()
              .filter(number -> !listener.isKept(new SnapshotRef(name, OptionalLong.of(number))))
              .toList();
      forget(dataset, old);
      return old;
    }
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
  public Totals totals(SnapshotRef snapshot, String path) {
    return catalog(snapshot).totals(path);
  }

  @Override
  public boolean lists(SnapshotRef snapshot, BlobKey key) {
    return catalog(snapshot).lists(key);
  }

  @Override
  public BlobSource source(SnapshotRef snapshot, Entry file) {
    return catalog(snapshot).source(file);
  }

  @Override
  public Optional<BlobSource> sourceOf(BlobKey key) {
    for (Attached dataset : attached.values()) {
      for (KeptSnapshot snapshot : dataset.definition().snapshots().reversed()) {
        Optional<BlobSource> found = dataset.source(snapshot, key);
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  @Override
  public SnapshotInfo resolve(SnapshotRef snapshot) {
    Attached dataset = find(snapshot.dataset());
    KeptSnapshot kept = dataset.snapshot(snapshot.snapshot());
    if (dataset.readyCatalog(kept) == null) {
      bring(dataset, kept);
    }
    return kept.info();
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
    sync.close();
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
                origin.uri(),
                listing.hasOwnUris(),
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

  /** Holds a dataset to its bound; snapshots the coordinator will not let go stay here too. */
  private void dropOld(Attached dataset) {
    Definition definition = dataset.definition();
    List<KeptSnapshot> all = definition.snapshots();
    List<Long> old = new ArrayList<>();
    for (KeptSnapshot each : all.subList(0, all.size() - 1)) {
      long number = each.info().number();
      SnapshotRef ref = new SnapshotRef(definition.name(), OptionalLong.of(number));
      if (all.size() - old.size() > config.snapshotsMax() && !listener.isKept(ref)) {
        old.add(number);
      }
    }
    try {
      forget(dataset, old);
    } catch (LarderException e) {
      log.warn(
          "old snapshots stay dataset={} snapshots={} code={}", definition.name(), old, e.code());
    }
  }

  /** Numbers of a dataset's snapshots here and at the coordinator. */
  private NavigableSet<Long> numbers(Attached dataset) {
    NavigableSet<Long> numbers = new TreeSet<>();
    dataset.definition().snapshots().forEach(each -> numbers.add(each.info().number()));
    try {
      coordinator
          .dataset(dataset.definition().name())
          .snapshots()
          .forEach(each -> numbers.add(each.number()));
    } catch (LarderException e) {
      unlessUnknown(e, dataset.definition().name());
    }
    return numbers;
  }

  /** Forgets snapshots at the coordinator, then here: what is known here is known there. */
  private void forget(Attached dataset, List<Long> numbers) {
    if (numbers.isEmpty()) {
      return;
    }
    Definition before = dataset.definition();
    try {
      coordinator.deleteSnapshots(before.name(), numbers);
    } catch (LarderException e) {
      unlessUnknown(e, before.name());
    }
    Definition after =
        before.with(
            before.snapshots().stream()
                .filter(each -> !numbers.contains(each.info().number()))
                .toList());
    files.save(after);
    dataset.replace(after);
    before.snapshots().stream()
        .filter(each -> numbers.contains(each.info().number()))
        .forEach(each -> unpin(before.name(), each));
    log.info("snapshots deleted dataset={} snapshots={}", before.name(), numbers);
  }

  private static void unlessUnknown(LarderException e, DatasetName name) {
    if (e.code() != ErrorCode.UNKNOWN_DATASET) {
      throw e;
    }
    log.info("the coordinator did not know dataset={}", name);
  }

  private static LarderException stays(SnapshotRef snapshot, String why) {
    return new LarderException(
        ErrorCode.BAD_REQUEST, "snapshot " + snapshot + " is " + why + " and stays");
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
    KeptSnapshot kept = dataset.snapshot(snapshot.snapshot());
    OpenCatalog ready = dataset.readyCatalog(kept);
    if (ready != null) {
      return ready;
    }
    bring(dataset, kept);
    return dataset.catalog(kept);
  }

  private void bring(Attached dataset, KeptSnapshot snapshot) {
    DatasetName name = dataset.definition().name();
    intake.bring(dataset, snapshot, owner(name, Long.toString(snapshot.info().number())));
  }

  /** One that is attached; for those who hold {@code changes} and so must not ask the cluster. */
  private Attached here(DatasetName name) {
    Attached dataset = attached.get(name);
    if (dataset == null) {
      throw new LarderException(ErrorCode.UNKNOWN_DATASET, "there is no dataset " + name);
    }
    return dataset;
  }

  /** One that is attached, or that the cluster knows; not while holding {@code changes}. */
  private Attached find(DatasetName name) {
    Attached dataset = attached.get(name);
    return dataset != null ? dataset : findElsewhere(name);
  }

  /** Another member may have just made it. */
  private Attached findElsewhere(DatasetName name) {
    LarderException away = null;
    try {
      sync.now();
    } catch (LarderException e) {
      away = e;
    }
    Attached dataset = attached.get(name);
    if (dataset == null) {
      throw SharedDatasets.unknown(name, away);
    }
    return dataset;
  }
}
