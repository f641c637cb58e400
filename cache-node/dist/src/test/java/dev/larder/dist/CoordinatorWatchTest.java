package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a coordinator shows over HTTP, and that docs/METRICS.md says the same. */
class CoordinatorWatchTest {
  private static final Pattern ROW = Pattern.compile("\\| `(larder_coordinator_[a-z_]+)` .*");
  private static final InetSocketAddress ANY = new InetSocketAddress("127.0.0.1", 0);

  @TempDir Path directory;

  @Test
  void showsWhatThePageNames() throws Exception {
    try (CoordinatorServer server = start();
        CoordinatorWatch watch = CoordinatorWatch.open(ANY, server)) {
      HttpResponse<String> metrics = ask(watch, "GET", "/metrics");
      assertEquals(200, metrics.statusCode());
      assertTrue(metrics.body().contains("\nlarder_coordinator_leader 1.0\n"), metrics.body());
      assertTrue(metrics.body().contains("\nlarder_coordinator_group_size 1.0\n"), metrics.body());
      assertTrue(metrics.body().contains("pool=\"rocksdb_memtables_bytes\""), metrics.body());
      Set<String> shown =
          metrics
              .body()
              .lines()
              .filter(line -> line.startsWith("# TYPE larder_coordinator_"))
              .map(line -> line.split(" ")[2])
              .collect(Collectors.toCollection(TreeSet::new));
      Set<String> documented = new TreeSet<>();
      for (String line : Files.readAllLines(Path.of("../../docs/METRICS.md"))) {
        Matcher row = ROW.matcher(line);
        if (row.matches()) {
          documented.add(row.group(1));
        }
      }
      assertEquals(documented, shown);
      assertEquals(200, ask(watch, "GET", "/healthz").statusCode());
      HttpResponse<String> ready = ask(watch, "GET", "/readyz");
      assertEquals(200, ready.statusCode());
      assertTrue(ready.body().contains("leads"), ready.body());
      assertEquals(404, ask(watch, "GET", "/").statusCode());
      assertEquals(405, ask(watch, "POST", "/metrics").statusCode());
      assertEquals("", ask(watch, "HEAD", "/metrics").body());
    }
  }

  @Test
  @Timeout(60)
  void whoSendsNothingHoldsUpNoProbeAndIsCutOff() throws Exception {
    try (CoordinatorServer server = start();
        CoordinatorWatch watch = CoordinatorWatch.open(ANY, server)) {
      List<Socket> silent = new ArrayList<>();
      try {
        for (int i = 0; i < 10; i++) {
          Socket socket = new Socket("127.0.0.1", watch.address().getPort());
          silent.add(socket);
          socket.getOutputStream().write('G');
        }
        assertEquals(200, ask(watch, "GET", "/healthz").statusCode());
        for (Socket each : silent) {
          assertEquals(-1, each.getInputStream().read(), "cut off");
        }
        assertEquals(200, ask(watch, "GET", "/readyz").statusCode());
      } finally {
        for (Socket each : silent) {
          each.close();
        }
      }
    }
  }

  @Test
  void anAddressInUseIsNamed() throws Exception {
    try (CoordinatorServer server = start();
        CoordinatorWatch watch = CoordinatorWatch.open(ANY, server)) {
      LarderException fault =
          assertThrows(LarderException.class, () -> CoordinatorWatch.open(watch.address(), server));
      assertEquals(ErrorCode.BAD_CONFIG, fault.code());
      assertTrue(String.valueOf(fault.getMessage()).contains("coordinator.watch-listen"));
    }
  }

  private CoordinatorServer start() {
    DevCa ca = DevCa.create(directory.resolve("tls"), Clock.systemUTC());
    return CoordinatorServer.start(
        CoordinatorConfig.alone(
            directory.resolve("c"), ca.material(Role.COORDINATOR), Limits.defaults()));
  }

  private static HttpResponse<String> ask(CoordinatorWatch watch, String method, String path)
      throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + watch.address().getPort() + path))
              .method(method, BodyPublishers.noBody())
              .build(),
          BodyHandlers.ofString());
    }
  }
}
