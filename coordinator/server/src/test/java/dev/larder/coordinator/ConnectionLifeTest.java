package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.ConnectionBounds;
import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.Authority;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Connections outlive neither what was proved when they began nor their age. */
@Timeout(120)
class ConnectionLifeTest {
  private static final List<String> LOOPBACK = List.of("localhost", "127.0.0.1");
  private static final Duration CERTIFICATE = Duration.ofDays(365);

  @TempDir Path data;

  private TlsMaterial material(String name) {
    return TlsFiles.read(
        data.resolve(name + ".key"), data.resolve(name + ".pem"), data.resolve("ca.pem"));
  }

  private CoordinatorServer server(ConnectionBounds bounds) {
    Authority authority = Authority.open(data, Clock.systemUTC());
    authority.issue("coordinator", Role.COORDINATOR, LOOPBACK);
    authority.issueAgent("a", List.of("a"), LOOPBACK);
    return CoordinatorServer.start(
        TestCoordinator.config(
            data, TestCoordinator.defaults(), material("coordinator").bounded(bounds)));
  }

  private static CoordinatorClient client(CoordinatorServer server, TlsMaterial tls) {
    return GrpcCoordinatorClient.connect(
        CoordinatorClientConfig.of("127.0.0.1", server.address().getPort()), tls);
  }

  @Test
  void aCertificateThatRunsOutEndsWhatItBegan() throws Exception {
    try (CoordinatorServer server = server(ConnectionBounds.defaults())) {
      Instant end = Instant.now().plusSeconds(6);
      Authority.open(data, Clock.fixed(end.minus(CERTIFICATE), ZoneOffset.UTC))
          .issueAgent("short", List.of("s"), LOOPBACK);
      Notes notes = new Notes();
      try (CoordinatorClient mortal = client(server, material("short"));
          CoordinatorClient other = client(server, material("a"))) {
        mortal.join(Samples.member("s", "z1"));
        Attendance silent = mortal.attend("s", notes);
        silent.report(report());
        mortal.status();
        assertTrue(Instant.now().isBefore(end), "the machine was too slow for this test");
        TestGroup.await("the certificate ends", () -> Instant.now().isAfter(end));
        LarderException refused = assertThrows(LarderException.class, mortal::status);
        assertEquals(ErrorCode.UNAUTHENTICATED, refused.code());
        assertTrue(
            String.valueOf(refused.getMessage()).contains("renew tls.certificate"),
            refused.toString());
        // Of what happens from then on the stream that says nothing hears nothing.
        long known = notes.epochs.stream().mapToLong(each -> each).max().orElseThrow();
        other.join(Samples.member("a", "z1"));
        LarderException ended = notes.ends.poll(30, TimeUnit.SECONDS);
        assertEquals(ErrorCode.UNAUTHENTICATED, ended.code());
        assertTrue(notes.epochs.stream().allMatch(each -> each <= known), notes.epochs.toString());
      }
    }
  }

  @Test
  void oldConnectionsAreMadeAnewAndNobodyNotices() {
    ConnectionBounds bounds = new ConnectionBounds(Duration.ofSeconds(2), Duration.ofSeconds(1));
    try (CoordinatorServer server = server(bounds);
        CoordinatorClient agent = client(server, material("a").bounded(bounds))) {
      agent.join(Samples.member("a", "z1"));
      Notes notes = new Notes();
      Attendance stream = agent.attend("a", notes);
      stream.report(report());
      int streams = 1;
      long until = System.nanoTime() + Duration.ofSeconds(8).toNanos();
      while (System.nanoTime() < until) {
        if (stream.isDue()) {
          stream.close();
          stream = agent.attend("a", notes);
          streams++;
        }
        stream.report(report());
        assertEquals(1, agent.status().members());
      }
      stream.close();
      assertTrue(streams >= 3 && streams <= 8, "opened " + streams);
      assertTrue(notes.ends.isEmpty(), notes.ends.toString());
    }
  }

  @Test
  void whoKeepsAnOldConnectionIsCutOff() throws Exception {
    ConnectionBounds bounds = new ConnectionBounds(Duration.ofSeconds(2), Duration.ofSeconds(1));
    try (CoordinatorServer server = server(bounds);
        // By its own word it may keep it an hour.
        CoordinatorClient agent = client(server, material("a"))) {
      agent.join(Samples.member("a", "z1"));
      Notes notes = new Notes();
      Attendance stream = agent.attend("a", notes);
      stream.report(report());
      assertFalse(stream.isDue());
      LarderException ended = notes.ends.poll(30, TimeUnit.SECONDS);
      assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, ended.code(), ended.toString());
      assertEquals(1, agent.status().members(), "calls go on over another");
    }
  }

  private static HoldingReport report() {
    return new HoldingReport(List.of(), List.of(), true, 0);
  }

  private static final class Notes implements AttendanceListener {
    final BlockingQueue<Long> epochs = new LinkedBlockingQueue<>();
    final BlockingQueue<LarderException> ends = new LinkedBlockingQueue<>();

    @Override
    public void epoch(long epoch) {
      epochs.add(epoch);
    }

    @Override
    public void ended(LarderException cause) {
      ends.add(cause);
    }
  }
}
