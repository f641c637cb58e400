package dev.larder.containers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Four nodes that read the same at once, and the origin that sends it once. */
@ExtendWith(SharedRig.class)
@Timeout(180)
class SharedOriginTest {
  private static final int MIB = 1 << 20;

  @Test
  void theClusterReadsADatasetOnceFromTheOrigin(Rig rig) throws Exception {
    settle(rig);
    Dataset large = rig.create("agent-1", "once-large", 1, 72 * MIB);
    Dataset middle = rig.create("agent-2", "once-middle", 6, 2 * MIB + 17);
    Dataset small = rig.create("agent-3", "once-small", 40, 9_001);
    for (Dataset dataset : Stream.of(large, middle, small).toList()) {
      Burst burst = Burst.start(rig, dataset, Rig.AGENTS);
      burst.awaitRight(Rig.AGENTS);
      assertEquals(dataset.bytes(), rig.origin().sentBytes(dataset.name()), dataset.name());
    }
    // Again, now local everywhere.
    for (String agent : Rig.AGENTS) {
      Readers.compareAll(rig, agent, large);
      String status = rig.box(agent).larder("status");
      assertTrue(status.contains("4 nodes"), status);
    }
    assertEquals(large.bytes(), rig.origin().sentBytes(large.name()), "warm reads ask nobody");
  }

  /**
   * Connections that a test before this had cut are found dead by whoever uses them first, and the
   * member behind them is avoided for a while: that must be over before bytes are counted.
   */
  private static void settle(Rig rig) throws Exception {
    Dataset settling = rig.create("agent-4", "settling", 40, 5_003);
    Burst.start(rig, settling, Rig.AGENTS).awaitRight(Rig.AGENTS);
    for (String agent : Rig.AGENTS) {
      Until.holds(
          agent + " avoids nobody",
          Duration.ofSeconds(60),
          () -> rig.metric(agent, "larder_node_demoted_members") == 0);
    }
  }
}
