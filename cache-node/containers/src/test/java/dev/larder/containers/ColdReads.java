package dev.larder.containers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * Every agent reads one dataset that none of them has, while something else breaks: the origin's
 * link is so slow that it goes on until {@link #end}. Agents stay members throughout, so nothing is
 * a reason to ask the origin twice for a byte. One thread.
 */
final class ColdReads implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** With the rate some forty seconds: longer than it takes until agents see what has happened. */
  private static final int FILES = 12;

  private static final int FILE_BYTES = 4 << 20;
  private static final String RATE = "10mbit";

  private final Rig rig;
  private final Dataset dataset;
  private final Burst burst;

  private ColdReads(Rig rig, Dataset dataset, Burst burst) {
    this.rig = rig;
    this.dataset = dataset;
    this.burst = burst;
  }

  /** Begins them all, and waits until each has read some of it. */
  static ColdReads begin(Rig rig, String name) throws Exception {
    Dataset dataset = rig.create("agent-1", name, FILES, FILE_BYTES);
    Map<String, Long> before = new HashMap<>();
    for (String agent : Rig.AGENTS) {
      before.put(agent, came(rig, agent));
    }
    Links.slow(rig.origin().box(), RATE);
    ColdReads reads = new ColdReads(rig, dataset, Burst.start(rig, dataset, Rig.AGENTS));
    try {
      for (String agent : Rig.AGENTS) {
        Until.holds(
            agent + " has read a part", PATIENCE, () -> came(rig, agent) > before.get(agent));
      }
      reads.assertUnderWay();
      return reads;
    } catch (Throwable e) {
      reads.close();
      throw e;
    }
  }

  /** Bytes of files that came to an agent, from wherever. */
  private static long came(Rig rig, String agent) throws Exception {
    return rig.status(agent).path("origin").path("bytes").asLong()
        + rig.status(agent).path("peers").path("bytes").asLong();
  }

  /** What happened until now happened in the middle of it. */
  void assertUnderWay() {
    assertFalse(burst.isOver(), "the cold reads ended too early to show anything");
  }

  /** Lets them come to their end: all right, and each byte from the origin once. */
  void end() throws Exception {
    assertUnderWay();
    Links.fast(rig.origin().box());
    burst.awaitRight(Rig.AGENTS);
    assertEquals(
        dataset.bytes(), rig.origin().sentBytes(dataset.name()), "each byte once from the origin");
  }

  @Override
  public void close() {
    Links.fast(rig.origin().box());
  }
}
