package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.ReloadedTls;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsFiles;
import dev.larder.coordinator.tls.Authority;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Wrong files are named at the start, and a trust that is missing is called that. */
@Timeout(120)
class TlsFaultsTest {
  @TempDir Path data;

  private Path authority(String name) {
    Path directory = data.resolve(name);
    Authority authority = Authority.open(directory, Clock.systemUTC());
    authority.issue("one", Role.COORDINATOR, List.of("localhost", "127.0.0.1"));
    authority.issue("two", Role.AGENT, List.of("localhost", "127.0.0.1"));
    return directory;
  }

  private static String refused(Path key, Path certificate, Path authorities) {
    LarderException fault =
        assertThrows(
            LarderException.class,
            () -> ReloadedTls.open(key, certificate, authorities, Duration.ofMinutes(1)).close());
    assertEquals(ErrorCode.BAD_CONFIG, fault.code());
    return String.valueOf(fault.getMessage());
  }

  @Test
  void filesThatDoNotBelongTogetherAreNamed() {
    Path own = authority("own");
    Path other = authority("other");
    Path key = own.resolve("one.key");
    Path pem = own.resolve("one.pem");
    Path ca = own.resolve("ca.pem");
    ReloadedTls.open(key, pem, ca, Duration.ofMinutes(1)).close();

    Path nope = own.resolve("nope.pem");
    assertEquals("tls.certificate: " + nope + " does not exist", refused(key, nope, ca));
    assertEquals(
        "tls.key: "
            + own.resolve("two.key")
            + " is not the key of the certificate in "
            + pem
            + " (tls.certificate)",
        refused(own.resolve("two.key"), pem, ca));
    assertEquals(
        "tls.certificate: "
            + pem
            + " is not signed by an authority of "
            + other.resolve("ca.pem")
            + " (tls.ca)",
        refused(key, pem, other.resolve("ca.pem")));
    assertEquals(
        "tls.certificate: "
            + key
            + " must hold PEM certificates (BEGIN CERTIFICATE) and holds a private key",
        refused(key, key, ca));
    assertTrue(refused(pem, pem, ca).endsWith("and holds a certificate"));
  }

  @Test
  void anotherAuthorityIsCalledThatAndSilenceHasNoInsidesOfGrpc() {
    Path own = authority("own");
    Path other = authority("other");
    try (CoordinatorServer server =
        CoordinatorServer.start(
            TestCoordinator.config(
                data,
                TestCoordinator.defaults(),
                TlsFiles.read(
                    own.resolve("one.key"), own.resolve("one.pem"), own.resolve("ca.pem"))))) {
      String address = "127.0.0.1:" + server.address().getPort();
      // Both do not trust; only the coordinator does not.
      for (Path trusted : List.of(other, own)) {
        String said = change(List.of(address), other, trusted);
        assertTrue(
            said.startsWith(
                "the coordinator at "
                    + address
                    + " and this node do not trust each other's certificates: check tls.ca on"
                    + " both"),
            said);
        assertFalse(said.contains("\n"), said);
      }
    }
    String silent = change(List.of("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"), own, own);
    assertEquals(
        "no majority of the coordinators answers (0 of 3); the change was not made", silent);
  }

  private static String change(List<String> addresses, Path shown, Path trusted) {
    CoordinatorClientConfig base = CoordinatorClientConfig.of(addresses);
    CoordinatorClientConfig config =
        new CoordinatorClientConfig(
            addresses,
            Duration.ofSeconds(5),
            base.silenceMax(),
            4,
            base.backoffMin(),
            base.backoffMax(),
            base.batchMax());
    try (GrpcCoordinatorClient client =
        GrpcCoordinatorClient.connect(
            config,
            TlsFiles.read(
                shown.resolve("two.key"), shown.resolve("two.pem"), trusted.resolve("ca.pem")))) {
      LarderException fault =
          assertThrows(
              LarderException.class,
              () -> client.createDataset(new DatasetName("d"), "file:///d", Map.of()));
      assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, fault.code());
      return String.valueOf(fault.getMessage());
    }
  }
}
