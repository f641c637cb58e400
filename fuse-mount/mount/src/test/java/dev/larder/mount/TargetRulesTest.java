package dev.larder.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TargetRulesTest {
  private static final List<Path> OWN =
      List.of(Path.of("/srv/larder/data"), Path.of("/run/larder"));

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/proc",
        "/proc/self",
        "/sys/fs/cgroup",
        "/dev/shm",
        "/etc",
        "/usr",
        "/var/lib"
      })
  void theHostsOwnAreRefused(String target) {
    assertTrue(TargetRules.refusal(Path.of(target), OWN).isPresent());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/srv",
        "/srv/larder",
        "/srv/larder/data",
        "/srv/larder/data/blobs",
        "/run/larder/x"
      })
  void whatHidesOrLiesInsideThisNodeIsRefused(String target) {
    assertTrue(TargetRules.refusal(Path.of(target), OWN).orElseThrow().contains("Larder's own"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/mnt",
        "/data",
        "/srv/larder2",
        "/etc/models",
        "/tmp/x",
        "/home/me",
        "/var/lib/kubelet/pods/x"
      })
  void othersAreNot(String target) {
    assertEquals(Optional.empty(), TargetRules.refusal(Path.of(target), OWN));
  }
}
