package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.larder.agent.dataset.Datasets;
import dev.larder.csi.Volumes.Publication;
import dev.larder.origin.SecretMemory;
import dev.larder.protocol.DatasetName;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OriginationTest {
  private static final DatasetName CLAIMED = new DatasetName("vol-claimed");

  /** As Kubernetes sends them from 1.36 on, with each volume of a pod that has an account. */
  private static final Map<String, String> TOKENS =
      Map.of("csi.storage.k8s.io/serviceAccount.tokens", "{}");

  private static final Map<String, String> SECRET =
      Map.of("credentials", "right", "csi.storage.k8s.io/serviceAccount.tokens", "{}");

  @TempDir Path directory;
  private final SecretMemory memory = new SecretMemory(4);
  private final VolumeSecrets secrets = new VolumeSecrets(memory);

  @Test
  void aPodsTokensAreNoSecretAndShutNoneOut() {
    Origination origins =
        new Origination(
            none(),
            (uri, options, own) -> {},
            secrets,
            new Leftovers(directory, Duration.ofHours(1), System::nanoTime),
            new Freshness(Duration.ofMinutes(5), InstantSource.system(), System::nanoTime),
            10);
    origins.refresh(publication("/without", TOKENS), CLAIMED);
    assertFalse(secrets.isUsed(CLAIMED));
    origins.refresh(publication("/with", SECRET), CLAIMED);
    assertEquals("right", memory.get(VolumeSecrets.key(CLAIMED, "credentials")));
    origins.refresh(publication("/with", TOKENS), CLAIMED);
    origins.refresh(publication("/without", TOKENS), CLAIMED);
    assertEquals("right", memory.get(VolumeSecrets.key(CLAIMED, "credentials")));
  }

  private static Publication publication(String target, Map<String, String> secrets) {
    VolumeAttributes attributes =
        VolumeAttributes.parse(Map.of(), CLAIMED.text(), false, List.of());
    return new Publication(
        "claimed", Path.of(target), attributes, false, false, secrets, Optional.empty());
  }

  /** Asked for nothing. */
  private static Datasets none() {
    return (Datasets)
        Proxy.newProxyInstance(
            Datasets.class.getClassLoader(),
            new Class<?>[] {Datasets.class},
            (proxy, method, arguments) -> {
              throw new AssertionError("asked for " + method);
            });
  }
}
