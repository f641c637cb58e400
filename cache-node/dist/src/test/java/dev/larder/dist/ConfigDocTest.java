package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.csi.CsiConfig;
import dev.larder.mount.MountSettings;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/CONFIG.md names every key and its default, and no other. */
class ConfigDocTest {
  private static final Pattern ROW = Pattern.compile("\\| `([a-z.-]+)` \\| (.*?) \\| .+ \\|");
  private static final Path DATA = Path.of("/data");

  @Test
  void thePageHasEveryKeyAndTheDefaultsInForce() throws Exception {
    Map<String, String> documented = new TreeMap<>();
    for (String line : Files.readAllLines(Path.of("../../docs/CONFIG.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        documented.put(row.group(1), row.group(2));
      }
    }
    assertEquals(known(), documented.keySet());
    Map<String, String> values = new TreeMap<>();
    documented.forEach((key, value) -> {
      // Defaults that depend on the machine are told in words.
      if (value.startsWith("`")) {
        values.put(key, value.replace("`", ""));
      }
    });
    assertTrue(values.size() > 40, documented.toString());
    ConfigTree tree = new ConfigTree(values);
    MountSettings defaults = MountSettings.of(new ConfigTree(Map.of()));
    assertEquals(defaults, MountSettings.of(tree));
    assertEquals(CsiConfig.defaults(), CsiConfig.of(tree));
    assertEquals(Limits.defaults(), CoordinatorKeys.of(tree));
    assertEquals(ClusterKeys.of(new ConfigTree(Map.of())), ClusterKeys.of(tree));
    assertEquals(AgentConfig.defaults(DATA), AgentConfig.of(DATA, tree));
  }

  @Test
  void unknownKeysAndBadValuesAreNamed() {
    assertTrue(fault(Map.of("store.colour", "red")).getMessage().contains("store.colour"));
    assertTrue(fault(Map.of("fill.run-max", "7")).getMessage().contains("fill.run-max"));
    assertTrue(fault(Map.of("http.port", "many")).getMessage().contains("http.port"));
    assertTrue(
        fault(Map.of("mount.passthrough", "yes")).getMessage().contains("mount.passthrough"));
    assertTrue(
        fault(Map.of("mount.overlay-layers", "any")).getMessage().contains("mount.overlay-layers"));
    assertTrue(
        fault(Map.of("coordinator.batch-max", "0")).getMessage().contains("coordinator.batch-max"));
    assertTrue(fault(Map.of("http.port", "70000")).getMessage().contains("http.port"));
  }

  @Test
  void keysOfTheKeeperReachItsCommandLine() {
    MountSettings settings =
        MountSettings.of(
            new ConfigTree(
                Map.of(
                    "mount.overlay-layers", "joined",
                    "mount.slots", "64",
                    "keeper.agent-deadline", "7s")));
    List<String> line = settings.keeper(Path.of("/run/larder")).arguments();
    assertTrue(line.contains("mount.overlay-layers=joined"), line.toString());
    assertTrue(line.contains("mount.slots=64"), line.toString());
    assertTrue(line.contains("keeper.agent-deadline=7000ms"), line.toString());
  }

  private static SortedSet<String> known() {
    ConfigTree tree = new ConfigTree(Map.of());
    takeAll(tree);
    return tree.known();
  }

  private static void takeAll(ConfigTree tree) {
    MountSettings unused = MountSettings.of(tree);
    CsiConfig unusedThree = CsiConfig.of(tree);
    Limits unusedToo = CoordinatorKeys.of(tree);
    ClusterKeys unusedEither = ClusterKeys.of(tree);
    AgentConfig.of(DATA, tree);
  }

  private static LarderException fault(Map<String, String> values) {
    LarderException e = assertThrows(LarderException.class, () -> takeAll(new ConfigTree(values)));
    assertEquals(ErrorCode.BAD_CONFIG, e.code());
    return e;
  }
}
