package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.ReloadedTls;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.Authority;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Certificates that are renewed, of another authority, expired, and of a wrong role. */
@Timeout(120)
class TlsReloadTest {
  private static final List<String> LOOPBACK = List.of("localhost", "127.0.0.1");

  @TempDir Path data;

  private Path authority(String name, Clock clock) {
    Path directory = data.resolve(name);
    Authority authority = Authority.open(directory, clock);
    for (Role role : Role.values()) {
      if (role == Role.AGENT) {
        authority.issueAgent(role.toString(), List.of("a"), LOOPBACK);
      } else {
        authority.issue(role.toString(), role, LOOPBACK);
      }
    }
    return directory;
  }

  private static TlsMaterial material(Path directory, Role role) {
    return TlsFiles.read(
        directory.resolve(role + ".key"),
        directory.resolve(role + ".pem"),
        directory.resolve("ca.pem"));
  }

  private GrpcCoordinatorClient client(CoordinatorServer server, TlsMaterial tls) {
    CoordinatorClientConfig base =
        CoordinatorClientConfig.of("127.0.0.1", server.address().getPort());
    return GrpcCoordinatorClient.connect(
        new CoordinatorClientConfig(
            base.addresses(),
            Duration.ofSeconds(5),
            base.silenceMax(),
            2,
            base.backoffMin(),
            base.backoffMax(),
            base.batchMax()),
        tls);
  }

  private static boolean isRefused(CoordinatorClient open) {
    try {
      open.members();
      return false;
    } catch (LarderException e) {
      assertEquals(ErrorCode.UNAUTHENTICATED, e.code(), e.toString());
      return true;
    }
  }

  private boolean isServed(CoordinatorServer server, TlsMaterial tls) {
    try (CoordinatorClient client = client(server, tls)) {
      client.status();
      return true;
    } catch (LarderException e) {
      assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, e.code(), e.toString());
      return false;
    }
  }

  @Test
  void newFilesCountForNewConnectionsAndForOpenOnesToo() throws Exception {
    Path old = authority("old", Clock.systemUTC());
    Path fresh = authority("fresh", Clock.systemUTC());
    Path used = Files.createDirectories(data.resolve("used"));
    install(old, Role.COORDINATOR, used);
    try (ReloadedTls tls = reloaded(used);
        CoordinatorServer server =
            CoordinatorServer.start(
                TestCoordinator.config(data, TestCoordinator.defaults(), tls.material()));
        CoordinatorClient open = client(server, material(old, Role.AGENT))) {
      open.join(Samples.member("a", "z1"));
      assertTrue(!isServed(server, material(fresh, Role.AGENT)), "not of this authority");
      install(fresh, Role.COORDINATOR, used);
      TestGroup.await("new files count", () -> isServed(server, material(fresh, Role.AGENT)));
      assertTrue(!isServed(server, material(old, Role.AGENT)), "the old authority is out");
      TestGroup.await("an open connection of it is out, too", () -> isRefused(open));

      // Files that cannot be used change nothing.
      Files.writeString(used.resolve("own.pem"), "no certificate\n");
      TestGroup.await("still served", () -> isServed(server, material(fresh, Role.AGENT)));
    }
  }

  @Test
  void aConnectionThatGaveNothingButRefusalsIsMadeAnewToo() throws Exception {
    Path old = authority("old", Clock.systemUTC());
    Path fresh = authority("fresh", Clock.systemUTC());
    Path serving = Files.createDirectories(data.resolve("serving"));
    Path asking = Files.createDirectories(data.resolve("asking"));
    install(old, Role.COORDINATOR, serving);
    install(old, Role.AGENT, asking);
    DatasetName unknown = new DatasetName("unknown");
    try (ReloadedTls own = reloaded(serving);
        ReloadedTls shown = reloaded(asking);
        CoordinatorServer server =
            CoordinatorServer.start(
                TestCoordinator.config(data, TestCoordinator.defaults(), own.material()));
        CoordinatorClient agent = client(server, shown.material())) {
      // As of a coordinator that only ever said who leads: no answer that begins with headers.
      for (int n = 0; n < 2; n++) {
        assertEquals(
            ErrorCode.UNKNOWN_DATASET,
            assertThrows(LarderException.class, () -> agent.dataset(unknown)).code());
      }
      install(fresh, Role.AGENT, asking);
      install(fresh, Role.COORDINATOR, serving);
      TestGroup.await("the old is out", () -> !isServed(server, material(old, Role.AGENT)));
      TestGroup.await("the new is in", () -> isServed(server, material(fresh, Role.AGENT)));
      TestGroup.await(
          "the new is shown",
          () ->
              shown.certificate().equals(material(fresh, Role.AGENT).certificate().orElseThrow()));
      // Trust that ended is noticed within two seconds; meanwhile the old connection still serves.
      Instant end = Instant.now().plusSeconds(5);
      while (Instant.now().isBefore(end)) {
        assertEquals(
            ErrorCode.UNKNOWN_DATASET,
            assertThrows(LarderException.class, () -> agent.dataset(unknown)).code());
      }
    }
  }

  private static ReloadedTls reloaded(Path directory) {
    return ReloadedTls.open(
        directory.resolve("own.key"),
        directory.resolve("own.pem"),
        directory.resolve("ca.pem"),
        Duration.ofMillis(20));
  }

  @Test
  void expiredCertificatesAndWrongRolesAreRefused() {
    Path good = authority("good", Clock.systemUTC());
    Clock past = Clock.fixed(Instant.now().minus(Duration.ofDays(800)), ZoneOffset.UTC);
    try (CoordinatorServer server =
        CoordinatorServer.start(
            TestCoordinator.config(
                data, TestCoordinator.defaults(), material(good, Role.COORDINATOR)))) {
      assertTrue(isServed(server, material(good, Role.CLIENT)));
      Authority.open(good, past).issue("expired", Role.AGENT, LOOPBACK);
      TlsMaterial expired =
          TlsFiles.read(
              good.resolve("expired.key"), good.resolve("expired.pem"), good.resolve("ca.pem"));
      assertTrue(!isServed(server, expired), "its year is over");
      try (CoordinatorClient client = client(server, material(good, Role.CLIENT))) {
        LarderException refused =
            assertThrows(
                LarderException.class, () -> client.join(Samples.member("intruder", "z1")));
        assertEquals(ErrorCode.UNAUTHENTICATED, refused.code());
        assertTrue(String.valueOf(refused.getMessage()).contains("CLIENT"), refused.toString());
      }
      assertEquals(0, server.client().members().members().size());
    }
  }

  @Test
  void halfAnAuthorityIsRefused() throws Exception {
    Path directory = authority("half", Clock.systemUTC());
    Files.delete(directory.resolve("ca.pem"));
    LarderException refused =
        assertThrows(LarderException.class, () -> Authority.open(directory, Clock.systemUTC()));
    assertEquals(ErrorCode.BAD_CONFIG, refused.code());
  }

  private static void install(Path from, Role role, Path to) throws Exception {
    copy(from.resolve(role + ".key"), to.resolve("own.key"));
    copy(from.resolve(role + ".pem"), to.resolve("own.pem"));
    copy(from.resolve("ca.pem"), to.resolve("ca.pem"));
  }

  private static void copy(Path from, Path to) throws Exception {
    Path temporary = to.resolveSibling(to.getFileName() + ".new");
    Files.copy(from, temporary, StandardCopyOption.REPLACE_EXISTING);
    Files.move(temporary, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
