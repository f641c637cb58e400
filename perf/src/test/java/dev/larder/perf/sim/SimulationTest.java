package dev.larder.perf.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Short bursts; the books are compared after every event, and a broken invariant throws. */
class SimulationTest {
  private static final long SEED = Long.getLong("larder.seed", 7450);
  private static final int NODES = 200;
  private static final Network NETWORK = Network.burst(NODES);

  @Test
  void aBurstTakesEachByteFromTheOriginOnceAndSpreadsTheLoad() {
    Outcome outcome = Simulation.run(NETWORK, SEED);
    assertEquals(NODES, outcome.finished());
    assertEquals(NETWORK.blobBytes(), outcome.originBytes());
    assertTrue(outcome.lastSeconds() >= NETWORK.boundSeconds(), outcome::toString);
    assertTrue(outcome.p99Seconds() <= 1.5 * NETWORK.boundSeconds(), outcome::toString);
    assertTrue(outcome.mostUploadBytes() <= 4 * outcome.meanUploadBytes(), outcome::toString);
  }

  @Test
  void theSameSeedGivesTheSameRun() {
    Network network = Network.burst(50).withDying(0.1);
    assertEquals(Simulation.run(network, SEED), Simulation.run(network, SEED));
  }

  @Test
  void whenOneInTenDiesTheOthersGetEverythingAndTheOriginIsSpared() {
    Outcome outcome = Simulation.run(NETWORK.withDying(0.1), SEED);
    assertTrue(outcome.finished() > 150 && outcome.finished() < NODES, outcome::toString);
    assertTrue(outcome.originBytes() <= 1.05 * NETWORK.blobBytes(), outcome::toString);
  }

  @Test
  void whenHostsAreLostTheOthersWaitForDeadlinesAndTheOriginIsSpared() {
    Outcome outcome = Simulation.run(NETWORK.withLostHosts(0.1), SEED);
    assertTrue(outcome.finished() > 150 && outcome.finished() < NODES, outcome::toString);
    double deadline = Simulation.PEERS.progressDeadline().toMillis() / 1e3;
    // A parent that falls silent is left by a deadline, and hardly two of them one after the other.
    assertTrue(outcome.p99Seconds() > 1 && outcome.p99Seconds() < 3 * deadline, outcome::toString);
    assertTrue(outcome.originBytes() <= 1.1 * NETWORK.blobBytes(), outcome::toString);
  }

  @Test
  void nodesThatAreRestartedMeanwhileGetEverythingToo() {
    Outcome outcome = Simulation.run(NETWORK.withRestarts(), SEED);
    assertEquals(NODES, outcome.finished());
    assertTrue(outcome.originBytes() <= 1.1 * NETWORK.blobBytes(), outcome::toString);
    // A node that is away for a second is done about as much later.
    assertTrue(outcome.lastSeconds() <= 4 * NETWORK.boundSeconds() + 1, outcome::toString);
  }

  @Test
  void zonesKeepMostBytesAtHome() {
    Outcome outcome = Simulation.run(NETWORK.withZones(4, 0), SEED);
    assertEquals(NODES, outcome.finished());
    // Each of the other zones takes the blob from another about once.
    assertTrue(outcome.crossZoneBytes() <= 3.6 * NETWORK.blobBytes(), outcome::toString);
  }

  @Test
  void thinLinksBetweenZonesAreUsedOnce() {
    Network network = NETWORK.withZones(4, 10);
    Outcome outcome = Simulation.run(network, SEED);
    assertEquals(NODES, outcome.finished());
    assertTrue(outcome.crossZoneBytes() <= 3.6 * network.blobBytes(), outcome::toString);
    assertTrue(outcome.lastSeconds() >= network.boundSeconds(), outcome::toString);
    assertTrue(outcome.p99Seconds() <= 3 * network.boundSeconds(), outcome::toString);
  }

  @Test
  void slowNodesDoNotHoldUpTheOthersForLong() {
    Outcome outcome = Simulation.run(NETWORK.withSlow(0.05), SEED);
    assertEquals(NODES, outcome.finished());
    assertTrue(outcome.p50Seconds() <= 5 * NETWORK.boundSeconds(), outcome::toString);
    assertTrue(outcome.mostUploadBytes() <= 4 * outcome.meanUploadBytes(), outcome::toString);
  }

  @Test
  void withOneSlotAndNoCutThroughItIsMuchWorse() {
    // As large as in the measure: the fewer nodes, the less a tree gains over a chain.
    Network network = Network.burst(1_000);
    Outcome good = Simulation.run(network, SEED);
    Outcome poor = Simulation.run(network.withOneSlotAndNoCutThrough(), SEED);
    assertTrue(poor.p99Seconds() >= 3 * good.p99Seconds(), poor::toString);
  }

  @Test
  void theBooksNoticeWhatCannotBe() {
    SimNode origin = new SimNode("origin", "", 1e9, 0);
    SimNode node = new SimNode("node", "", 1e9, 1e9);
    IllegalStateException absent =
        assertThrows(
            IllegalStateException.class, () -> new Ledger(origin).sent(node, 0, false, 1 << 20));
    assertTrue(absent.getMessage().contains("a block it does not have"), absent::toString);

    Ledger faster = new Ledger(origin);
    faster.sent(origin, 0, true, 1 << 20);
    assertThrows(IllegalStateException.class, () -> faster.check(0));

    Ledger twice = new Ledger(origin);
    origin.upFree = 1_000_000_000L;
    twice.sent(origin, 0, true, 1 << 20);
    twice.ended(node, 1 << 20, false);
    twice.check(1_000_000_000L);
    twice.ended(node, 1 << 20, false);
    assertThrows(IllegalStateException.class, () -> twice.check(1_000_000_000L));
  }

  @Test
  void aPlotHasLabelledAxesAndIsSmall() {
    Outcome outcome = Simulation.run(Network.burst(50), SEED);
    String svg = Plot.svg("fifty nodes", outcome, NETWORK.boundSeconds());
    assertTrue(svg.contains("seconds since the burst began") && svg.contains("nodes done, %"), svg);
    assertTrue(svg.contains("sent, GB") && svg.endsWith("</svg>\n"), svg);
    assertTrue(svg.length() < 10_000, () -> svg.length() + " bytes");
  }
}
