package dev.larder.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.fill.FillConfig;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AgentConfigTest {
  private static final Path DIRECTORY = Path.of("data");

  @Test
  void everythingHasADefault() {
    AgentConfig config = AgentConfig.of(DIRECTORY, ConfigTree.ofYaml(""));
    assertEquals(AgentConfig.defaults(DIRECTORY), config);
    assertEquals(FillConfig.defaults(), config.fill());
    assertEquals(7450, config.http().port());
  }

  @Test
  void sectionsAndDottedKeysAreTheSame() {
    AgentConfig nested =
        AgentConfig.of(
            DIRECTORY,
            ConfigTree.ofYaml(
                """
                store:
                  disk-max: 10GiB
                fill:
                  parallel-max: 3
                  linger: 250ms
                http:
                  hosts-allowed: [a.example, b.example]
                node: {zone: z1}
                """));
    assertEquals(10L << 30, nested.store().diskMaxBytes());
    assertEquals(3, nested.fill().parallelMax());
    assertEquals(Duration.ofMillis(250), nested.fill().lingerFor());
    assertEquals(Set.of("a.example", "b.example"), nested.http().hostsAllowed());
    AgentConfig dotted =
        AgentConfig.of(
            DIRECTORY,
            ConfigTree.ofYaml(
                "store.disk-max: 10GiB\nfill.parallel-max: 3\nfill.linger: 250ms\n"
                    + "http.hosts-allowed: a.example, b.example\nnode.zone: z1\n"));
    assertEquals(nested, dotted);
  }

  @Test
  void anUnknownKeyStopsTheStartAndIsNamed() {
    refuses("fill: {paralel-max: 3}", "fill.paralel-max");
    refuses("nonsense: 1", "nonsense");
    refuses("fill: {paralel-max: 3}", "near it are fill.parallel-max, ");
    // Without its section a key is near all the same.
    refuses("parallel-max: 3", "fill.parallel-max");
    refuses("zzzzzzzz: 1", "\"zzzzzzzz\"; docs/CONFIG.md lists all");
  }

  @Test
  void aBadValueNamesItsKey() {
    refuses("fill.parallel-max: many", "fill.parallel-max");
    refuses("fill.parallel-max: 0", "fill.parallel-max");
    refuses("store.disk-max: lots", "store.disk-max");
    refuses("fill.linger: 5 fortnights", "fill.linger");
    refuses("fill.run-max: 1500KiB", "fill.run-max");
    refuses("http.port: 70000", "http.port");
    refuses("dataset.sort-memory: 1MiB", "dataset.sort-memory");
    refuses("read.passthrough-max: 0", "read.passthrough-max");
    refuses("jobs.max: 0", "jobs.max");
    refuses("scrub.bytes-per-second: ''", "scrub.bytes-per-second");
    refuses("a: 1\na: 2", "a");
    refuses("- a\n- b", "list");
    refuses("{", "YAML");
    refuses("a: [1\n  b: }\n", "line 2, column 4: expected ',' or ']'");
  }

  private static void refuses(String yaml, String named) {
    LarderException fault =
        assertThrows(
            LarderException.class, () -> AgentConfig.of(DIRECTORY, ConfigTree.ofYaml(yaml)));
    assertEquals(ErrorCode.BAD_CONFIG, fault.code());
    assertTrue(String.valueOf(fault.getMessage()).contains(named), fault.getMessage());
  }
}
