package dev.larder.dist;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.CoordinatorStatus;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What watches a coordinator over HTTP: {@code /metrics}, {@code /healthz} and {@code /readyz}, to
 * be read only, without a token as they hold no secret. On the loopback address unless {@code
 * coordinator.watch-listen} says otherwise.
 *
 * <p>So many threads answer that a few callers who send nothing hold up no probe; they are cut off
 * after a while. A few more requests wait, further ones and too many connections are cut off at
 * once.
 */
final class CoordinatorWatch implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CoordinatorWatch.class);
  private static final int THREADS = 16;
  private static final int THREAD_IDLE_SECONDS = 30;
  private static final int CONNECTIONS_MAX = 64;
  private static final int REQUEST_SECONDS_MAX = 5;
  private static final int ANSWER_SECONDS_MAX = 20;
  private static final int WAITING_MAX = 32;
  private static final List<String> BOUNDS =
      List.of("coordinator.roots-max", "coordinator.placements-max", "coordinator.tombstones-max");

  /** One answer to a scrape, not eleven, asks the state. */
  private static final long STATUS_FRESH_NANOS = Duration.ofMillis(200).toNanos();

  static {
    // The JDK's server has no bounds of its own; it reads these once, when it is first used.
    System.setProperty("jdk.httpserver.maxConnections", Integer.toString(CONNECTIONS_MAX));
    System.setProperty("sun.net.httpserver.maxReqTime", Integer.toString(REQUEST_SECONDS_MAX));
    System.setProperty("sun.net.httpserver.maxRspTime", Integer.toString(ANSWER_SECONDS_MAX));
  }

  private final CoordinatorServer server;
  private final HttpServer http;
  private final ExecutorService threads;
  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter text = PrometheusTextFormatWriter.create();
  private CoordinatorStatus status;
  private long statusNanos;

  private CoordinatorWatch(CoordinatorServer server, HttpServer http, CoordinatorStatus first) {
    this.server = server;
    this.http = http;
    this.status = first;
    this.statusNanos = System.nanoTime();
    ThreadPoolExecutor answering =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            THREAD_IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(WAITING_MAX),
            Thread.ofPlatform().daemon().name("coordinator-watch-", 0).factory());
    answering.allowCoreThreadTimeOut(true);
    this.threads = answering;
    register();
  }

  /**
   * Listens from now on.
   *
   * @throws LarderException BAD_CONFIG naming the key when the address cannot be used
   */
  static CoordinatorWatch open(InetSocketAddress listen, CoordinatorServer server) {
    try {
      // Before the port is taken: what fails there must leave nothing open.
      CoordinatorStatus first = server.client().status();
      HttpServer http = HttpServer.create(listen, WAITING_MAX);
      CoordinatorWatch watch = new CoordinatorWatch(server, http, first);
      http.setExecutor(watch.threads);
      http.createContext("/", watch::answer);
      http.start();
      return watch;
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "coordinator.watch-listen " + listen + " cannot be used: " + e.getMessage(),
          e);
    }
  }

  /** Where it listens. */
  InetSocketAddress address() {
    return http.getAddress();
  }

  @Override
  public void close() {
    http.stop(0);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String method = exchange.getRequestMethod();
      if (!method.equals("GET") && !method.equals("HEAD")) {
        exchange.getResponseHeaders().set("Allow", "GET, HEAD");
        send(exchange, 405, "read only\n");
        return;
      }
      switch (exchange.getRequestURI().getPath()) {
        case "/metrics" -> metrics(exchange);
        case "/healthz" -> healthy(exchange);
        case "/readyz" -> ready(exchange);
        default -> send(exchange, 404, "there are /metrics, /healthz and /readyz\n");
      }
    } catch (RuntimeException e) {
      // Sent to nobody who reads it: the exchange is closed by now.
      log.warn("a look at the coordinator failed path={}", exchange.getRequestURI().getPath(), e);
    }
  }

  private void metrics(HttpExchange exchange) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    text.write(out, registry.scrape(), EscapingScheme.UNDERSCORE_ESCAPING);
    exchange.getResponseHeaders().set("Content-Type", PrometheusTextFormatWriter.CONTENT_TYPE);
    send(exchange, 200, out.toString(StandardCharsets.UTF_8));
  }

  private void healthy(HttpExchange exchange) throws IOException {
    if (server.hasEnded()) {
      send(exchange, 503, "ended after a fault, the log says why; start the process again\n");
    } else {
      send(exchange, 200, "alive\n");
    }
  }

  /** Ready is who knows a leader: requests sent here end, or are told where to go. */
  private void ready(HttpExchange exchange) throws IOException {
    if (server.hasEnded()) {
      healthy(exchange);
      return;
    }
    CoordinatorStatus now = status();
    if (now.leaderId().isEmpty()) {
      send(exchange, 503, "no leader: a majority of the coordinators does not answer\n");
    } else {
      send(exchange, 200, "ready, " + now.leaderId() + " leads\n");
    }
  }

  private static void send(HttpExchange exchange, int code, String content) throws IOException {
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(code, -1);
      return;
    }
    exchange.sendResponseHeaders(code, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private synchronized CoordinatorStatus status() {
    if (System.nanoTime() - statusNanos > STATUS_FRESH_NANOS) {
      status = server.client().status();
      statusNanos = System.nanoTime();
    }
    return status;
  }

  private void register() {
    Info.builder()
        .name("larder_build_info")
        .help("Version of this coordinator, always 1.")
        .labelNames("version")
        .register(registry)
        .addLabelValues(Main.version());
    gauge(
        "leader",
        "1 where this coordinator leads.",
        now -> now.leaderId().equals(now.group().answeringId()) ? 1 : 0);
    gauge(
        "has_leader",
        "1 while this coordinator knows a leader.",
        now -> now.leaderId().isEmpty() ? 0 : 1);
    gauge("term", "The Raft term.", CoordinatorStatus::term);
    gauge(
        "applied_index",
        "The last entry of the Raft log in the state.",
        CoordinatorStatus::appliedIndex);
    gauge("group_size", "Coordinators of the group.", now -> now.group().size());
    gauge(
        "group_answering",
        "Coordinators the leader hears, itself too; 0 where another leads.",
        now -> now.group().answering());
    gauge("epoch", "The member list in force.", CoordinatorStatus::epoch);
    gauge("members", "Agents in the state.", CoordinatorStatus::members);
    gauge("datasets", "Datasets.", CoordinatorStatus::datasets);
    gauge("snapshots", "Snapshots of all datasets.", CoordinatorStatus::snapshots);
    gauge("roots", "Blob roots recorded.", CoordinatorStatus::roots);
    gauge("pins", "Pins of paths.", CoordinatorStatus::pins);
    gauge(
        "placements",
        "Pairs of blob and member that has it sealed.",
        CoordinatorStatus::placements);
    GaugeWithCallback.builder()
        .name("larder_coordinator_full")
        .help("1 for each bound of rows that is reached, by its key.")
        .labelNames("bound")
        .callback(sink -> {
          List<String> full = status().full();
          for (String key : BOUNDS) {
            sink.call(full.contains(key) ? 1 : 0, key);
          }
        })
        .register(registry);
    gauge(
        "disk_usable_bytes", "Room on its disk, -1 while not known.", now -> server.usableBytes());
    gauge(
        "disk_full",
        "1 while it takes no changes as its disk has less than coordinator.free-space-min.",
        now -> server.isFull() ? 1 : 0);
    gauge(
        "clock_off_seconds",
        "Seconds its host's clock stepped ahead and is not believed yet, 0 without doubt.",
        now -> server.clockOffSeconds());
    gauge(
        "snapshots_set_aside",
        "Snapshots of its state that were found damaged and are kept as invalid-….",
        now -> server.snapshotsSetAside());
    CounterWithCallback.builder()
        .name("larder_coordinator_refused_total")
        .help("Calls refused at its door, by reason.")
        .labelNames("reason")
        .callback(sink -> server.refused().forEach((reason, calls) -> sink.call(calls, reason)))
        .register(registry);
    GaugeWithCallback.builder()
        .name("larder_coordinator_memory_bytes")
        .help("Memory by pool.")
        .labelNames("pool")
        .callback(sink -> {
          long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
          sink.call(heap, "heap_used");
          server
              .figures()
              .forEach((pool, bytes) -> sink.call(bytes, pool.toLowerCase(Locale.ROOT)));
        })
        .register(registry);
  }

  private void gauge(String name, String help, ToDoubleFunction<CoordinatorStatus> figure) {
    GaugeWithCallback.builder()
        .name("larder_coordinator_" + name)
        .help(help)
        .callback(sink -> sink.call(figure.applyAsDouble(status())))
        .register(registry);
  }
}
