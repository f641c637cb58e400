package dev.larder.agent;

import dev.larder.agent.cluster.Cluster;
import dev.larder.agent.cluster.CoordinatorCluster;
import dev.larder.agent.dataset.DatasetListener;
import dev.larder.agent.dataset.LocalDatasets;
import dev.larder.agent.dataset.OriginWatch;
import dev.larder.agent.dataset.WatchedOrigin;
import dev.larder.agent.fill.FillEngine;
import dev.larder.agent.http.DoorServices;
import dev.larder.agent.http.NodeState;
import dev.larder.agent.job.LocalJobs;
import dev.larder.agent.metrics.AgentMetrics;
import dev.larder.agent.mount.MountHooks;
import dev.larder.agent.mount.Mounts;
import dev.larder.agent.mount.NoMounts;
import dev.larder.agent.peer.PeerNode;
import dev.larder.agent.read.CachedReadPlane;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.RecordedRoot;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.origin.Origin;
import dev.larder.origin.OriginOptions;
import dev.larder.origin.Origins;
import dev.larder.origin.SecretMemory;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.SnapshotRef;
import dev.larder.store.BlobStore;
import dev.larder.store.LarderStore;
import dev.larder.store.StoreHooks;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Everything of a node behind its front doors: store, fills, reads, datasets, jobs, and the duties
 * in the background. The coordinator's client belongs to the caller and is closed after this.
 *
 * <p><b>Threads:</b> one starts and closes; what the accessors give is for any. The accessors may
 * be called between {@link #start} and {@link #close}.
 */
public final class NodeServices implements NodeState, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NodeServices.class);

  private final AgentConfig config;
  private final CoordinatorClient coordinator;
  private final AgentMetrics metrics;
  private final String version;
  private final ArrayDeque<AutoCloseable> opened = new ArrayDeque<>();
  // Two a dataset: an account may have a key and a signature.
  private final SecretMemory secrets;
  private volatile LifeCycle state = LifeCycle.NEW;
  private final Clock clock;
  private volatile Instant startedAt = Instant.EPOCH;
  private volatile long startedNanos;
  private volatile @Nullable Parts parts;
  private @Nullable Supplier<TlsMaterial> peerMaterial;
  private @Nullable Function<String, Cluster> peerCluster;
  private @Nullable Supplier<Optional<String>> host;
  private volatile Mounts mounts;
  private volatile MountHooks hooks;
  private volatile OriginWatch watch = OriginWatch.NONE;
  private final List<Supplier<List<String>>> conditions = new CopyOnWriteArrayList<>();

  private record Parts(
      BlobStore store,
      FillEngine engine,
      Optional<PeerNode> peers,
      LocalDatasets datasets,
      CachedReadPlane plane,
      LocalJobs jobs,
      RootLedger roots,
      RootReports rootReports,
      RootDisputes disputes,
      CoordinatorLink link,
      CoordinatorCluster cluster) {}

  /** A node that is not started, by the machine's clock. */
  public NodeServices(
      AgentConfig config, CoordinatorClient coordinator, AgentMetrics metrics, String version) {
    this(config, coordinator, metrics, version, Clock.systemUTC());
  }

  /**
   * A node that is not started.
   *
   * @param clock the wall clock, which may step: signs for origins and says when something was.
   *     What waits goes by a clock that only goes forward, what ends by the coordinator's
   */
  public NodeServices(
      AgentConfig config,
      CoordinatorClient coordinator,
      AgentMetrics metrics,
      String version,
      Clock clock) {
    this.clock = clock;
    this.config = config;
    this.coordinator = coordinator;
    this.metrics = metrics;
    this.version = version;
    this.secrets = new SecretMemory(2 * config.dataset().datasetsMax());
    NoMounts none = new NoMounts();
    this.mounts = none;
    this.hooks = none;
  }

  /**
   * Hands in what the node shows other members and trusts of them, asked at each handshake; before
   * {@link #start}. Used where {@code peer.listen} is set.
   */
  public void peersBy(Supplier<TlsMaterial> material) {
    peerMaterial = material;
  }

  /**
   * Hands in who knows the address of this host that others reach it by, where neither {@code
   * node.address} nor {@code peer.listen} says it; before {@link #start}.
   *
   * @param found asked before each join until it gives one; may block
   */
  public void hostBy(Supplier<Optional<String>> found) {
    host = found;
  }

  /**
   * The same with another view of the cluster than the coordinator's.
   *
   * @param cluster makes the view, given the node's member id
   */
  void peersBy(Function<String, Cluster> cluster, Supplier<TlsMaterial> material) {
    peerCluster = cluster;
    peerMaterial = material;
  }

  /**
   * Opens the data directory and starts everything; on a fault what was opened is closed again.
   *
   * @throws LarderException STORE_LOCKED, STORE_UNUSABLE
   */
  public void start() {
    state = state.to(LifeCycle.STARTING);
    try {
      startParts();
      startedAt = clock.instant();
      startedNanos = System.nanoTime();
      state = state.to(LifeCycle.STARTED);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void startParts() {
    BlobStore store = opened(LarderStore.open(config.store(), new StoreHooks(this::recordedRoot)));
    Path own = OwnFiles.directory(config.directory());
    String memberId = config.node().id().isEmpty() ? OwnFiles.memberId(own) : config.node().id();
    CoordinatorCluster cluster = opened(new CoordinatorCluster(memberId, coordinator));
    RootDisputes disputes = new RootDisputes(coordinator, store, memberId);
    RootLedger roots =
        new RootLedger(coordinator, memberId, disputes, own, config.node().reportsMax());
    roots.start();
    Optional<PeerNode> peers = peers(cluster, store);
    Meter meter = new Meter(metrics);
    FillEngine engine =
        opened(
            peers
                .map(node ->
                    new FillEngine(
                        config.fill(), store, roots, meter, node.tracking(), node.members()))
                .orElseGet(() -> new FillEngine(config.fill(), store, roots, meter)));
    peers.ifPresent(this::opened);
    peers.ifPresent(node -> node.start(engine));
    LocalDatasets datasets =
        opened(
            new LocalDatasets(
                config.dataset(),
                config.directory().resolve("datasets"),
                store,
                coordinator,
                (name, uri, options) ->
                    WatchedOrigin.open(
                        name,
                        () -> origin(uri, options),
                        (dataset, path, fault) -> watch.failed(dataset, path, fault)),
                clock));
    CachedReadPlane plane =
        opened(
            new CachedReadPlane(
                config.read(), store, engine, datasets, config.fill().siblingsMax()));
    LocalJobs jobs =
        opened(
            new LocalJobs(
                config.jobs(),
                own,
                datasets,
                plane,
                store,
                coordinator,
                memberId,
                cluster::members,
                clock));
    disputes.readBy(key -> datasets.sourceOf(key).map(plane::fillSource), engine);
    opened(disputes);
    jobs.standing().disputesTo(disputes::heard);
    cluster.onView(view -> jobs.standing().membersChanged());
    peers.ifPresent(node -> datasets.catalogsFrom(new MemberCatalogs(node.members())));
    String told = config.node().address();
    Supplier<String> address =
        peers.<Supplier<String>>map(node -> node.address(told, host)).orElse(() -> told);
    CoordinatorLink link =
        new CoordinatorLink(
            coordinator,
            store,
            memberId,
            () ->
                MemberInfo.joining(
                    memberId,
                    address.get(),
                    config.node().zone(),
                    config.node().labelMap(),
                    store.stats().capacityBytes()),
            config.node(),
            key -> MemberCatalogs.isCatalog(datasets, key),
            cluster,
            jobs.standing());
    datasets.tell(new Users(jobs, link));
    Scrubbing scrubbing =
        new Scrubbing(
            store,
            config.node().scrubBytesPerSecond(),
            () -> engine.gauges().getOrDefault("runs_in_flight", 0L) > 0,
            System::nanoTime);
    engine.start();
    datasets.start();
    jobs.start();
    RootReports rootReports = new RootReports(roots, store, config.node().reportEvery());
    rootReports.start();
    opened(rootReports);
    link.start();
    opened(link);
    scrubbing.start();
    opened(scrubbing);
    parts =
        new Parts(
            store,
            engine,
            peers,
            datasets,
            plane,
            jobs,
            roots,
            rootReports,
            disputes,
            link,
            cluster);
  }

  private Origin origin(String uri, OriginOptions options) {
    return Origins.open(uri, options, config.origin(), new Listings(metrics, uri), secrets, clock);
  }

  /** What the front door serves. */
  public DoorServices doorServices() {
    Parts now = parts();
    return new DoorServices(
        now.plane,
        now.plane,
        now.datasets,
        now.datasets,
        now.jobs,
        mounts,
        now.store,
        this,
        metrics,
        coordinator);
  }

  /** Hands in what mounts datasets; it is closed by the caller, before this. */
  public <T extends Mounts & MountHooks> void mountsBy(T mounting) {
    mounts = mounting;
    hooks = mounting;
  }

  /**
   * Adds a condition of being ready.
   *
   * @param problems what keeps this node from serving, as {@code part: reason}; nothing that one
   *     user alone did wrong. Asked often, by any thread; must not block
   */
  public void readyWithout(Supplier<List<String>> problems) {
    conditions.add(problems);
  }

  /** Hands in who is told of reads that origins did not serve. */
  public void originsWatchedBy(OriginWatch listener) {
    watch = listener;
  }

  /** Secrets that origins of this node may refer to; in memory only. */
  public SecretMemory secrets() {
    return secrets;
  }

  /** Asks origins outside of datasets. */
  public OriginCheck originCheck() {
    return new OriginCheck(config.origin(), metrics, clock);
  }

  /** What all of it counts. */
  public AgentMetrics metrics() {
    return metrics;
  }

  /** The store. */
  public BlobStore store() {
    return parts().store;
  }

  /** The other members, as the coordinator tells them. */
  public Cluster cluster() {
    return parts().cluster;
  }

  /** The datasets. */
  public LocalDatasets datasetsOfNode() {
    return parts().datasets;
  }

  /** The read plane. */
  public CachedReadPlane plane() {
    return parts().plane;
  }

  /** The jobs. */
  public LocalJobs jobsOfNode() {
    return parts().jobs;
  }

  /** Totals since start by metric name, without prefix: of fills and of reads. */
  public Map<String, Long> counters() {
    Parts now = parts();
    Map<String, Long> out = new java.util.LinkedHashMap<>(now.engine.counters().snapshot());
    out.putAll(now.plane.counters().snapshot());
    now.peers.ifPresent(peers -> out.putAll(peers.counters()));
    out.put("root_conflicts_total", now.roots.conflicts());
    out.put("roots_set_aside_total", now.roots.setAside());
    out.put("root_disputes_lost_total", now.disputes.lost());
    out.put("root_disputes_read_total", now.disputes.readAgain());
    out.put("warm_up_retries_total", now.jobs.standing().retries());
    return out;
  }

  /** Present figures by metric name, without prefix. */
  public Map<String, Long> gauges() {
    Parts now = parts();
    Map<String, Long> out = new java.util.LinkedHashMap<>(now.engine.gauges());
    now.peers.ifPresent(peers -> out.putAll(peers.gauges()));
    out.put("small_cache_bytes", now.plane.smalls().hotBytes());
    out.putAll(now.jobs.standing().gauges());
    out.put("roots_waiting", (long) now.roots.waiting());
    out.put("root_disputes_open", (long) now.disputes.open().size());
    CoordinatorState cluster = coordinator();
    out.putAll(OwnCertificate.gauges(certificateEnd(), clock));
    out.put("cluster_members", (long) now.cluster.view().peers().size());
    out.put("cluster_epoch", cluster.epoch());
    out.put("coordinator_available", cluster.available() ? 1L : 0L);
    out.put("coordinator_majority", cluster.available() && cluster.majority() ? 1L : 0L);
    return out;
  }

  @Override
  public List<String> notReady() {
    if (state != LifeCycle.STARTED) {
      return List.of("agent: " + state);
    }
    return conditions.stream().flatMap(each -> each.get().stream()).toList();
  }

  @Override
  public CoordinatorState coordinator() {
    Parts now = parts;
    return now == null ? CoordinatorState.NONE : now.link.state();
  }

  @Override
  public List<CoordinatorCause> coordinatorCauses() {
    Parts now = parts;
    return now == null ? List.of() : now.link.causes();
  }

  @Override
  public Optional<Instant> certificateEnd() {
    return Optional.ofNullable(peerMaterial).flatMap(shown -> OwnCertificate.end(shown.get()));
  }

  @Override
  public String coordinatorProblem() {
    Parts now = parts;
    if (now == null) {
      return "";
    }
    String problem = now.link.problem();
    if (problem.isEmpty()) {
      problem = now.rootReports.problem();
    }
    CoordinatorStatus last = now.link.status();
    if (problem.isEmpty() && last != null && !last.full().isEmpty()) {
      problem = "at its bound: " + String.join(", ", last.full());
    }
    return OwnCertificate.explain(problem, certificateEnd(), clock);
  }

  @Override
  public MemberList lastMembers() {
    Parts now = parts;
    if (now == null) {
      return new MemberList(0, List.of());
    }
    Map<String, MemberInfo> last = now.cluster.members();
    return new MemberList(
        now.cluster.view().epoch(),
        last.values().stream().sorted(Comparator.comparing(MemberInfo::id)).toList());
  }

  @Override
  public Disputes disputes() {
    Parts now = parts;
    CoordinatorStatus last = now == null ? null : now.link.status();
    return now == null
        ? Disputes.NONE
        : new Disputes(
            now.disputes.open(),
            last == null ? 0 : last.disputes().settled(),
            now.roots.conflicts(),
            now.disputes.lost());
  }

  @Override
  public Peers peers() {
    Map<String, Long> all = counters();
    return new Peers(
        all.getOrDefault("peer_bytes_total", 0L),
        all.getOrDefault("peer_far_bytes_total", 0L),
        all.getOrDefault("peer_kept_bytes_total", 0L),
        all.getOrDefault("peer_wrong_blocks_total", 0L),
        parts().peers.<Map<String, String>>map(PeerNode::left).orElse(Map.of()),
        parts().peers.<Map<String, String>>map(PeerNode::silentTrackers).orElse(Map.of()));
  }

  @Override
  public Path dataDirectory() {
    return config.directory();
  }

  @Override
  public String version() {
    return version;
  }

  @Override
  public Instant startedAt() {
    return startedAt;
  }

  @Override
  public Duration uptime() {
    return Duration.ofNanos(System.nanoTime() - startedNanos);
  }

  @Override
  public int datasets() {
    Parts now = parts;
    return now == null ? 0 : now.datasets.size();
  }

  @Override
  public int jobs() {
    Parts now = parts;
    return now == null ? 0 : now.jobs.running();
  }

  @Override
  public void close() {
    if (state == LifeCycle.CLOSED) {
      return;
    }
    state = LifeCycle.CLOSED;
    while (!opened.isEmpty()) {
      AutoCloseable part = opened.removeLast();
      try {
        part.close();
      } catch (Exception e) {
        log.error("closing {} failed; going on", part.getClass().getSimpleName(), e);
      }
    }
  }

  private Optional<PeerNode> peers(Cluster cluster, BlobStore store) {
    if (config.peer().listen().isEmpty()) {
      return Optional.empty();
    }
    Supplier<TlsMaterial> given = peerMaterial;
    Function<String, Cluster> other = peerCluster;
    if (given == null) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "peer.listen: this node belongs to no cluster that it could serve");
    }
    return Optional.of(
        new PeerNode(
            config.peer(),
            config.fill(),
            other == null ? cluster : other.apply(cluster.self()),
            config.node().zone(),
            store,
            given));
  }

  private <T extends AutoCloseable> T opened(T part) {
    opened.addLast(part);
    return part;
  }

  private Parts parts() {
    Parts now = parts;
    if (now == null || state == LifeCycle.CLOSED) {
      throw new LarderException(ErrorCode.CLOSED, "the node is " + state);
    }
    return now;
  }

  /** What vouches for a file whose index was lost; a coordinator that is away is asked later. */
  private Optional<StoreHooks.RecordedRoot> recordedRoot(BlobKey key) {
    RecordedRoot root = coordinator.roots(List.of(key)).get(key);
    return root == null
        ? Optional.empty()
        : Optional.of(new StoreHooks.RecordedRoot(root.sizeBytes(), root.root(), root.trust()));
  }

  /** Jobs and mounts, as those who use datasets. */
  private final class Users implements DatasetListener {
    private final LocalJobs jobs;
    private final CoordinatorLink link;

    Users(LocalJobs jobs, CoordinatorLink link) {
      this.jobs = jobs;
      this.link = link;
    }

    @Override
    public boolean isKept(SnapshotRef snapshot) {
      return jobs.isPinned(snapshot) || hooks.isMounted(snapshot);
    }

    @Override
    public void onSnapshotMade(BlobKey catalog) {
      link.catalogMade(catalog);
    }

    @Override
    public void onRefreshed(DatasetName name) {
      jobs.onRefreshed(name);
      hooks.onRefreshed(name);
    }

    @Override
    public void checkDelete(DatasetName name) {
      hooks.checkDelete(name);
    }

    @Override
    public void onDeleting(DatasetName name) {
      jobs.onDeleting(name);
    }

    @Override
    public void onSnapshotGone(BlobKey catalog) {
      hooks.onCatalogGone(catalog);
    }
  }
}
