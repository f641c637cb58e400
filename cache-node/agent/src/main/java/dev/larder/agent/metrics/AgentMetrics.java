package dev.larder.agent.metrics;

import dev.larder.agent.read.BlobRead.Source;
import dev.larder.store.StoreStats;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Unit;
import java.io.IOException;
import java.io.OutputStream;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Every metric of the agent. docs/METRICS.md lists them; a test compares it with this registry.
 * Labels are closed sets, never paths, datasets or keys, so that the number of series is bounded.
 *
 * <p><b>Threads:</b> any; counting never waits. Scraping asks the store and the kernel.
 */
public final class AgentMetrics {
  /** Content type of {@link #write}. */
  public static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  /** The name of HTTP reads in the label {@code interface}. */
  public static final String HTTP = "http";

  // A local read takes tens of microseconds, a cold one seconds.
  private static final double[] SECONDS = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    30, 120
  };

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter text = PrometheusTextFormatWriter.create();
  private final Counter originRequests;
  private final Counter originBytes;
  private final Counter originErrors;
  private final Counter integrityFailures;
  private final Counter httpRequests;
  private final Counter httpRejected;
  private final Histogram readDuration;
  private final Histogram csiPublishDuration;
  private final Map<Source, CounterDataPoint> httpReadBytes = new EnumMap<>(Source.class);
  private final Map<Source, CounterDataPoint> httpReadRequests = new EnumMap<>(Source.class);

  /** Metrics of an agent of this version; nothing of the store yet. */
  public AgentMetrics(String version) {
    Info.builder()
        .name("larder_build_info")
        .help("Version of this agent, always 1.")
        .labelNames("version")
        .register(registry)
        .addLabelValues(version);
    Counter readBytes =
        counter(
            "larder_read_bytes_total",
            "Bytes handed to readers, by where they were when first asked for.",
            "interface",
            "source");
    Counter readRequests =
        counter(
            "larder_read_requests_total",
            "Reads answered with bytes, by where the first byte was.",
            "interface",
            "source");
    for (Source source : Source.values()) {
      httpReadBytes.put(source, readBytes.labelValues(HTTP, word(source)));
      httpReadRequests.put(source, readRequests.labelValues(HTTP, word(source)));
    }
    readDuration =
        seconds(
                "larder_read_duration_seconds",
                "Time from a complete request for a blob's bytes to the last byte handed over.")
            .labelNames("interface")
            .register(registry);
    csiPublishDuration =
        seconds(
                "larder_csi_publish_duration_seconds",
                "Time from the call that began to publish a volume to its being shown; one a volume.")
            .register(registry);
    originRequests =
        counter(
            "larder_origin_requests_total",
            "Requests to origins by kind of origin and outcome (ok or an error code).",
            "origin_kind",
            "code");
    originBytes =
        counter("larder_origin_bytes_total", "Bytes received from origins.", "origin_kind");
    originErrors =
        counter("larder_origin_errors_total", "Failed requests to origins.", "origin_kind");
    integrityFailures =
        counter(
            "larder_integrity_failures_total",
            "Blocks or blobs whose bytes were not what their digest promised, by where they came"
                + " from.",
            "where");
    httpRequests =
        counter(
            "larder_http_requests_total", "Requests answered at the front door.", "route", "code");
    httpRejected =
        counter(
            "larder_http_rejected_total",
            "Requests and connections turned away at a bound: connections, workers, streams.",
            "bound");
    registerMemory();
  }

  /** Shows a store's figures from now on; call once. */
  public void watchStore(Supplier<StoreStats> stats) {
    gauge(
        "larder_cache_bytes",
        "Bytes the cache's budget is charged for.",
        Unit.BYTES,
        () -> stats.get().usedBytes());
    gauge(
        "larder_cache_capacity_bytes",
        "The cache's budget in force.",
        Unit.BYTES,
        () -> stats.get().capacityBytes());
    gauge(
        "larder_cache_pinned_bytes",
        "Cached bytes that are pinned.",
        Unit.BYTES,
        () -> stats.get().pinnedBytes());
    GaugeWithCallback.builder()
        .name("larder_cache_blobs")
        .help("Blobs in the cache by state.")
        .labelNames("state")
        .callback(out -> {
          StoreStats now = stats.get();
          out.call(now.sealedBlobs(), "sealed");
          out.call(now.fillingBlobs(), "filling");
        })
        .register(registry);
    total("larder_evictions_total", "Blobs and stripes evicted.", "evicted_units_total", stats);
    total("larder_evicted_bytes_total", "Bytes evicted.", "evicted_bytes_total", stats);
    registry.register(new StoreCollector(stats));
  }

  /** Shows what fills and reads count and hold from now on, under {@code larder_node_}; once. */
  public void watchNode(Supplier<Map<String, Long>> totals, Supplier<Map<String, Long>> gauges) {
    registry.register(new FigureCollector("larder_node_", "Total of fills and reads.", totals));
    registry.register(new FigureCollector("larder_node_", "Figure of fills and reads.", gauges));
  }

  /** Shows what an embedded coordinator holds, under {@code larder_coordinator_}; call once. */
  public void watchCoordinator(Supplier<Map<String, Long>> figures) {
    registry.register(
        new FigureCollector("larder_coordinator_", "Figure of the embedded coordinator.", figures));
  }

  /** Shows what mounts count from now on, under {@code larder_fuse_}; call once. */
  public void watchMounts(Supplier<Map<String, Long>> figures) {
    registry.register(new FigureCollector("larder_fuse_", "Figure of the FUSE server.", figures));
  }

  /** Shows what is published as CSI volumes, under {@code larder_csi_}; call once. */
  public void watchCsi(Supplier<Map<String, Long>> figures) {
    registry.register(new FigureCollector("larder_csi_", "Figure of the CSI driver.", figures));
  }

  /** Shows the front door's connections and workers from now on; call once. */
  public void watchDoor(LongSupplier connections, LongSupplier busyWorkers, LongSupplier queued) {
    gauge("larder_http_connections", "Open connections at the front door.", null, connections);
    gauge("larder_http_workers_busy", "Worker threads at work.", null, busyWorkers);
    gauge("larder_http_worker_queue", "Requests waiting for a worker.", null, queued);
  }

  /** Counts an answered request. {@code route} is a fixed word, not a path. */
  public void httpRequest(String route, int status) {
    httpRequests.labelValues(route, Integer.toString(status)).inc();
  }

  /** The counter of one route and status, for callers that keep it. */
  public CounterDataPoint httpRequests(String route, int status) {
    return httpRequests.labelValues(route, Integer.toString(status));
  }

  /** Counts a request or connection turned away. */
  public void httpRejected(String bound) {
    httpRejected.labelValues(bound).inc();
  }

  /** Counts bytes handed to an HTTP reader. */
  public void httpReadBytes(Source source, long bytes) {
    at(httpReadBytes, source).inc(bytes);
  }

  /** Counts a read whose first byte came from there. */
  public void httpReadRequest(Source source) {
    at(httpReadRequests, source).inc();
  }

  /** The duration of HTTP reads, for callers that keep it. */
  public io.prometheus.metrics.core.datapoints.DistributionDataPoint httpReadDuration() {
    return readDuration.labelValues(HTTP);
  }

  /**
   * Counts a volume that was made and is shown from now on: once, however many calls asked for it
   * and whether or not one of them waited for its end. One that is mounted again counts no more.
   *
   * @param seconds since the call came that began to make it
   */
  public void csiPublished(double seconds) {
    csiPublishDuration.observe(seconds);
  }

  /**
   * Counts a request to an origin.
   *
   * @param kind {@code file}, {@code http}, {@code s3}, {@code azure}, …
   * @param code {@code ok} or the {@code ErrorCode}'s name
   */
  public void originRequest(String kind, String code) {
    originRequests.labelValues(kind, code).inc();
    if (!code.equals("ok")) {
      originErrors.labelValues(kind).inc();
    }
  }

  /** Counts bytes received from an origin. */
  public void originBytes(String kind, long bytes) {
    originBytes.labelValues(kind).inc(bytes);
  }

  /** Counts bytes that failed their check; {@code where} is disk, peer or origin. */
  public void integrityFailure(String where) {
    integrityFailures.labelValues(where).inc();
  }

  /** Totals since start, for {@code larder status}. */
  public Totals totals(Source source) {
    return new Totals(
        (long) at(httpReadBytes, source).get(), (long) at(httpReadRequests, source).get());
  }

  /** Sum of a counter over its labels: origin requests, bytes, errors. */
  public OriginTotals originTotals() {
    return new OriginTotals(sum(originBytes), sum(originRequests), sum(originErrors));
  }

  /** Writes everything as Prometheus text. May wait for the store's figures. */
  public void write(OutputStream out) throws IOException {
    text.write(out, registry.scrape(), EscapingScheme.UNDERSCORE_ESCAPING);
  }

  /** The registry, for tests and for metrics of other parts. */
  public PrometheusRegistry registry() {
    return registry;
  }

  /** Bytes and requests of one source. */
  public record Totals(long bytes, long requests) {}

  /** What was asked of origins. */
  public record OriginTotals(long bytes, long requests, long errors) {}

  private static Histogram.Builder seconds(String name, String help) {
    return Histogram.builder()
        .name(name)
        .help(help)
        .unit(Unit.SECONDS)
        .classicOnly()
        .classicUpperBounds(SECONDS);
  }

  private static long sum(Counter counter) {
    return (long)
        counter.collect().getDataPoints().stream().mapToDouble(point -> point.getValue()).sum();
  }

  private void registerMemory() {
    GaugeWithCallback.builder()
        .name("larder_memory_bytes")
        .help(
            "Memory by pool: heap_used, heap_max, jvm_direct, jvm_mapped, netty_direct, rss. The"
                + " store's pools stand under larder_store.")
        .unit(Unit.BYTES)
        .labelNames("pool")
        .callback(out -> {
          for (Map.Entry<String, Long> pool : MemoryPools.bytes().entrySet()) {
            out.call(pool.getValue(), pool.getKey());
          }
        })
        .register(registry);
  }

  private Counter counter(String name, String help, String... labels) {
    return Counter.builder().name(name).help(help).labelNames(labels).register(registry);
  }

  private void gauge(
      String name, String help, @org.jspecify.annotations.Nullable Unit unit, LongSupplier value) {
    GaugeWithCallback.Builder builder =
        GaugeWithCallback.builder().name(name).help(help).callback(o -> o.call(value.getAsLong()));
    if (unit != null) {
      builder.unit(unit);
    }
    builder.register(registry);
  }

  private void total(String name, String help, String key, Supplier<StoreStats> stats) {
    CounterWithCallback.builder()
        .name(name)
        .help(help)
        .callback(o -> o.call(stats.get().counters().getOrDefault(key, 0L)))
        .register(registry);
  }

  private static <V> V at(Map<Source, V> map, Source source) {
    return java.util.Objects.requireNonNull(map.get(source));
  }

  private static String word(Source source) {
    return source.name().toLowerCase(Locale.ROOT);
  }

  /** Label values of {@code source}, for the docs test. */
  static List<String> sources() {
    return java.util.Arrays.stream(Source.values()).map(AgentMetrics::word).toList();
  }
}
