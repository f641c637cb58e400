package dev.larder.perf.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Short bursts; every event checks its own invariants. */
class SimulationTest {
  private static final long SEED = Long.getLong("larder.seed", 7450);
  private static final Network NETWORK = Network.burst(200);

  @Test
  void aBurstTakesEachByteFromTheOriginOnceAndSpreadsTheLoad() {
    Outcome outcome = Simulation.run(NETWORK, SEED);
    assertEquals(200, outcome.finished());
    assertEquals(NETWORK.blobBytes(), outcome.originBytes());
    assertTrue(outcome.lastSeconds() >= NETWORK.boundSeconds(), outcome.toString());
    assertTrue(outcome.p99Seconds() <= 1.5 * NETWORK.boundSeconds(), outcome.toString());
    assertTrue(outcome.mostUploadBytes() <= 2 * outcome.meanUploadBytes(), outcome.toString());
  }

  @Test
  void theSameSeedGivesTheSameRun() {
    assertEquals(Simulation.run(Network.burst(50), SEED), Simulation.run(Network.burst(50), SEED));
  }

  @Test
  void whenOneInTenDiesTheOthersGetEverything() {
    Outcome outcome = Simulation.run(NETWORK.withDying(0.1), SEED);
    assertTrue(outcome.finished() > 150 && outcome.finished() < 200, outcome.toString());
    assertTrue(outcome.originBytes() <= 1.2 * NETWORK.blobBytes(), outcome.toString());
  }

  @Test
  void zonesKeepMostBytesAtHome() {
    Outcome outcome = Simulation.run(NETWORK.withZones(4), SEED);
    assertEquals(200, outcome.finished());
    // Each zone takes the blob from another about once.
    assertTrue(outcome.crossZoneBytes() <= 6 * NETWORK.blobBytes(), outcome.toString());
  }

  @Test
  void slowNodesDoNotHoldUpTheOthersForLong() {
    Outcome outcome = Simulation.run(NETWORK.withSlow(0.05), SEED);
    assertEquals(200, outcome.finished());
    assertTrue(outcome.p50Seconds() <= 5 * NETWORK.boundSeconds(), outcome.toString());
  }
}
