package dev.larder.coordinator.raft;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SilentPeersTest {
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5);
  private final SilentPeers silent = new SilentPeers(now::get);

  @Test
  void eachIsSpokenOfOnceInTenMinutes() {
    assertTrue(silent.heardOf("c2", "host:1"));
    assertFalse(silent.heardOf("c2", "host:1"));
    assertTrue(silent.heardOf("c3", "host:1"));
    now.addAndGet(Duration.ofMinutes(10).toNanos() - 1);
    assertFalse(silent.heardOf("c2", "host:1"));
    now.addAndGet(1);
    assertTrue(silent.heardOf("c2", "host:1"));
  }
}
