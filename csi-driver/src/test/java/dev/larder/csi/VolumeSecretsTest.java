package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.origin.SecretMemory;
import dev.larder.protocol.DatasetName;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class VolumeSecretsTest {
  private static final DatasetName NAME = new DatasetName("vol-1");
  private static final Path ONE = Path.of("/one");
  private static final Path TWO = Path.of("/two");
  private static final Map<String, String> OLD = Map.of("credentials", "old");
  private static final Map<String, String> NEW = Map.of("credentials", "new");

  private final SecretMemory memory = new SecretMemory(4);
  private final VolumeSecrets secrets = new VolumeSecrets(memory);

  private String inForce() {
    return String.valueOf(memory.get(VolumeSecrets.key(NAME, "credentials")));
  }

  @Test
  void whatIsLentForAListingGoesUnlessAVolumeUsesIt() {
    secrets.lend(NAME, OLD);
    assertEquals("old", inForce());
    secrets.takeBack(NAME);
    assertEquals(0, memory.size());
    secrets.remember(ONE, NAME, OLD);
    secrets.lend(NAME, NEW);
    secrets.takeBack(NAME);
    assertEquals("old", inForce());
    secrets.forget(ONE);
    assertEquals(0, memory.size());
  }

  @Test
  void theOneInForceStaysUntilTheOriginAcceptsAnother() {
    secrets.remember(ONE, NAME, OLD);
    secrets.remember(TWO, NAME, NEW);
    assertEquals("old", inForce());
    secrets.accepted(NAME, NEW);
    assertEquals("new", inForce());
    secrets.refused(NAME);
    secrets.remember(ONE, NAME, OLD);
    assertEquals("old", inForce());
  }
}
