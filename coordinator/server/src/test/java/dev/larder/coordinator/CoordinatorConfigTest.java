package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Configuration names its keys; the development authority keeps its keys to itself. */
class CoordinatorConfigTest {
  @TempDir Path data;

  private CoordinatorConfig config(
      String id, String listen, String raft, Map<String, String> peers) {
    TlsMaterial tls =
        DevCa.create(data.resolve("tls"), Clock.systemUTC()).material(Role.COORDINATOR);
    return new CoordinatorConfig(
        data,
        id,
        listen,
        raft,
        "",
        new TreeMap<>(peers),
        false,
        tls,
        CoordinatorConfig.Limits.defaults());
  }

  @Test
  void namesTheKeyThatIsWrong() {
    String door = "127.0.0.1:7452";
    String raft = "127.0.0.1:7453";
    assertBad("coordinator.id", () -> config("a b", door, raft, Map.of()));
    assertBad("coordinator.listen", () -> config("c1", "7452", raft, Map.of()));
    assertBad("coordinator.listen", () -> config("c1", "host:70000", raft, Map.of()));
    assertBad("coordinator.raft-listen", () -> config("c1", door, "host:x", Map.of()));
    assertBad("coordinator.peers", () -> config("c1", door, raft, Map.of("c1", "h")));
    assertBad("coordinator.peers", () -> config("c1", door, raft, Map.of("c2", "h:1")));
    assertBad(
        "coordinator.peers", () -> config("c1", door, raft, Map.of("c1", "h:1", "c2", "h:2")));
    assertBad(
        "coordinator.raft-listen",
        () -> config("c1", door, "h:0", Map.of("c1", "h:0", "c2", "h:2", "c3", "h:3")));
    assertBad(
        "coordinator.batch-max", () -> TestCoordinator.limits(1, 10_001, 1, Duration.ofSeconds(1)));
    assertBad(
        "coordinator.snapshot-every", () -> TestCoordinator.limits(0, 1, 1, Duration.ofSeconds(1)));
    assertBad("coordinator.expiry-interval", () -> TestCoordinator.limits(1, 1, 1, Duration.ZERO));
    assertEquals(Map.of("c1", raft), config("c1", door, raft, Map.of()).group());
    assertArrayEquals(new String[] {"::1", "7452"}, CoordinatorConfig.hostPort("k", "[::1]:7452"));
  }

  @Test
  void theDevelopmentAuthorityKeepsItsFilesToItself() throws Exception {
    Path directory = data.resolve("tls");
    DevCa.create(directory, Clock.systemUTC());
    DevCa.create(directory, Clock.systemUTC());
    assertEquals("rwx------", permissions(directory));
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        assertEquals("rw-------", permissions(file), file::toString);
        assertTrue(
            !file.getFileName().toString().startsWith("ca.key"), "the CA's key is forgotten");
      }
    }
    for (Role role : Role.values()) {
      try (var in =
          Files.newInputStream(
              directory.resolve(role.name().toLowerCase(java.util.Locale.ROOT) + ".pem"))) {
        X509Certificate certificate =
            (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        assertEquals(Optional.of(role), Role.of(certificate));
        assertEquals(-1, certificate.getBasicConstraints());
      }
    }
    try (var in = Files.newInputStream(directory.resolve("ca.pem"))) {
      X509Certificate authority =
          (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
      assertEquals(Optional.empty(), Role.of(authority));
    }
  }

  @Test
  void saysWhichDirectoryCannotHoldCertificates() throws IOException {
    Path file = Files.writeString(data.resolve("file"), "");
    LarderException refused =
        assertThrows(LarderException.class, () -> DevCa.create(file, Clock.systemUTC()));
    assertEquals(ErrorCode.STORE_UNUSABLE, refused.code());
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  private static void assertBad(String key, Runnable action) {
    LarderException refused = assertThrows(LarderException.class, action::run);
    assertEquals(ErrorCode.BAD_CONFIG, refused.code());
    assertTrue(String.valueOf(refused.getMessage()).startsWith(key), refused::getMessage);
  }
}
