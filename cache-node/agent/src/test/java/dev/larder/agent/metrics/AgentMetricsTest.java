package dev.larder.agent.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.read.BlobRead.Source;
import dev.larder.store.StoreStats;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The registry says what docs/METRICS.md says, and its text is Prometheus'. */
class AgentMetricsTest {
  private static final Pattern ROW =
      Pattern.compile("^\\| `(larder_[a-z_]+)` \\| (\\w+) \\|[^|]*\\|.*\\|$", Pattern.MULTILINE);
  private static final Pattern TYPE = Pattern.compile("^# TYPE (\\S+) (\\w+)$", Pattern.MULTILINE);

  private static AgentMetrics metrics() {
    AgentMetrics metrics = new AgentMetrics("1.2.3");
    metrics.watchStore(() ->
        new StoreStats(
            100,
            50,
            10,
            5,
            1,
            Map.of("evicted_bytes_total", 9L, "evicted_units_total", 4L),
            Map.of("pool_bytes", 3L)));
    metrics.watchDoor(() -> 1, () -> 2, () -> 3);
    metrics.httpRequest("blob", 200);
    metrics.httpRejected("workers");
    metrics.httpReadBytes(Source.ORIGIN, 1000);
    metrics.httpReadRequest(Source.ORIGIN);
    metrics.httpReadDuration().observe(0.5);
    metrics.originRequest("s3", "ok");
    metrics.originRequest("s3", "DEADLINE");
    metrics.originBytes("s3", 1234);
    metrics.integrityFailure("disk");
    return metrics;
  }

  private static String text(AgentMetrics metrics) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    metrics.write(out);
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void theDocumentListsExactlyTheRegistry() throws Exception {
    Map<String, String> documented = new TreeMap<>();
    String page = Files.readString(Path.of("../../docs/METRICS.md"));
    int others = page.indexOf("# The coordinator's metrics");
    assertTrue(others > 0, "the coordinator's own follow");
    Matcher rows = ROW.matcher(page.substring(0, others));
    while (rows.find()) {
      documented.put(rows.group(1), rows.group(2));
    }
    Map<String, String> registered = new TreeMap<>();
    Matcher types = TYPE.matcher(text(metrics()));
    while (types.find()) {
      if (!types.group(1).startsWith(StoreCollector.PREFIX)) {
        registered.put(types.group(1), types.group(2));
      }
    }
    assertEquals(documented, registered);
  }

  @Test
  void theTextHasEveryFigure() throws Exception {
    String text = text(metrics());
    for (String line :
        new String[] {
          "larder_build_info{version=\"1.2.3\"} 1",
          "larder_read_bytes_total{interface=\"http\",source=\"origin\"} 1000.0",
          "larder_read_bytes_total{interface=\"http\",source=\"local\"} 0.0",
          "larder_read_duration_seconds_count{interface=\"http\"} 1",
          "larder_cache_bytes 50.0",
          "larder_cache_capacity_bytes 100.0",
          "larder_evicted_bytes_total 9.0",
          "larder_evictions_total 4.0",
          "larder_origin_requests_total{code=\"DEADLINE\",origin_kind=\"s3\"} 1.0",
          "larder_integrity_failures_total{where=\"disk\"} 1.0",
          "larder_http_requests_total{code=\"200\",route=\"blob\"} 1.0",
          "larder_store_pool_bytes 3.0",
          "larder_store_evicted_bytes_total 9.0",
        }) {
      assertTrue(text.contains("\n" + line + "\n"), line + " is not in\n" + text);
    }
    assertTrue(text.contains("larder_memory_bytes{pool=\"netty_direct\"}"));
    assertTrue(text.contains("larder_memory_bytes{pool=\"rss\"}"));
  }

  @Test
  void totalsAreWhatWasCounted() {
    AgentMetrics metrics = metrics();
    assertEquals(new AgentMetrics.Totals(1000, 1), metrics.totals(Source.ORIGIN));
    assertEquals(new AgentMetrics.Totals(0, 0), metrics.totals(Source.LOCAL));
    assertEquals(new AgentMetrics.OriginTotals(1234, 2, 1), metrics.originTotals());
  }
}
