package dev.larder.keeper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class KeeperConfigTest {
  private static final Pattern ROW = Pattern.compile("\\| `([a-z.-]+)` \\| (.*?) \\| .+ \\|");
  private static final Path RUN = Path.of("/run/larder");

  @Test
  void thePageHasEveryKeyAndTheDefaultsInForce() throws Exception {
    Map<String, String> documented = new TreeMap<>();
    for (String line : Files.readAllLines(Path.of("README.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        documented.put(row.group(1), row.group(2));
      }
    }
    List<String> arguments = KeeperConfig.defaults(RUN).arguments();
    TreeSet<String> keys = new TreeSet<>();
    arguments.forEach(argument -> keys.add(argument.substring(0, argument.indexOf('='))));
    assertEquals(keys, documented.keySet());
    documented.put("keeper.run-directory", RUN.toString());
    List<String> told = new ArrayList<>();
    documented.forEach((key, value) -> told.add(key + "=" + value.replace("`", "")));
    assertEquals(KeeperConfig.defaults(RUN), KeeperConfig.parse(told));
  }

  @Test
  void argumentsComeBackAsTheyWere() {
    KeeperConfig config =
        new KeeperConfig(
            Path.of("/a b, c=d"),
            64,
            4096,
            false,
            8192,
            KeeperConfig.Layers.JOINED,
            Duration.ofMillis(1500),
            5,
            77,
            true,
            true);
    assertEquals(config, KeeperConfig.parse(config.arguments()));
    KeeperConfig minutes =
        KeeperConfig.parse(
            List.of("keeper.run-directory=/r", "keeper.agent-deadline=2m", "mount.slots=8"));
    assertEquals(Duration.ofMinutes(2), minutes.agentDeadline());
    assertEquals(8, minutes.slots());
  }

  @Test
  void wrongArgumentsAreNamed() {
    for (String bad :
        List.of(
            "mount.slots=7",
            "mount.slots=many",
            "mount.slots=99999999999",
            "mount.rows-max=1",
            "mount.read-ahead=1",
            "mount.read-ahead=-1",
            "mount.passthrough=maybe",
            "mount.overlay-layers=any",
            "keeper.agent-deadline=60",
            "keeper.agent-deadline=25h",
            "keeper.connections-max=1",
            "keeper.mounts-max=0",
            "keeper.colour=red",
            "keeper.take-over")) {
      LarderException fault =
          assertThrows(
              LarderException.class,
              () -> KeeperConfig.parse(List.of("keeper.run-directory=/r", bad)),
              bad);
      assertEquals(ErrorCode.BAD_CONFIG, fault.code());
      assertTrue(fault.getMessage().contains(bad.replaceAll("=.*", "")), fault.getMessage());
    }
    assertThrows(LarderException.class, () -> KeeperConfig.parse(List.of()));
    assertThrows(
        LarderException.class,
        () -> KeeperConfig.parse(List.of("keeper.run-directory=/r", "keeper.run-directory=/s")));
  }
}
