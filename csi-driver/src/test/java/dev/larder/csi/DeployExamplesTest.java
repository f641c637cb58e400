package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The attributes in deploy/examples are the driver's, and their authors may set them. */
class DeployExamplesTest {
  @Test
  void everyAttributeIsKnownAndAllowed() throws IOException {
    List<String> seen = new ArrayList<>();
    try (Stream<Path> files = Files.list(Path.of("deploy/examples"))) {
      for (Path file : files.toList()) {
        Load load = new Load(LoadSettings.builder().build());
        for (Object document : load.loadAllFromString(Files.readString(file))) {
          collect(document, seen);
        }
      }
    }
    // Inline twice, a PersistentVolume, a StorageClass.
    assertEquals(4, seen.size(), seen.toString());
  }

  private static void collect(Object node, List<String> seen) {
    if (node instanceof List<?> list) {
      list.forEach(each -> collect(each, seen));
    }
    if (!(node instanceof Map<?, ?> map)) {
      return;
    }
    Object driver = map.containsKey("driver") ? map.get("driver") : map.get("provisioner");
    if (driver != null) {
      assertEquals(CsiConfig.defaults().name(), driver);
      Object attributes = map.get(map.containsKey("driver") ? "volumeAttributes" : "parameters");
      boolean isInline = map.containsKey("driver") && !map.containsKey("volumeHandle");
      VolumeAttributes parsed =
          VolumeAttributes.parse(texts((Map<?, ?>) attributes), "", isInline, List.of());
      assertTrue(parsed.snapshot().isPresent(), attributes.toString());
      seen.add(attributes.toString());
    }
    map.values().forEach(value -> collect(value, seen));
  }

  private static Map<String, String> texts(Map<?, ?> attributes) {
    Map<String, String> texts = new HashMap<>();
    // A number or flag without quotes is refused by the API server, and here by the cast.
    attributes.forEach((key, value) -> texts.put((String) key, (String) value));
    return texts;
  }
}
