package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.DatasetName;
import dev.larder.testkit.FakeClock;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class FreshnessTest {
  private static final Duration INTERVAL = Duration.ofMinutes(5);
  private static final DatasetName NAME = new DatasetName("csi-" + "1".repeat(32));

  private final FakeClock clock = new FakeClock();
  private final Freshness freshness = new Freshness(INTERVAL, clock, clock::nanos);

  @Test
  void anAcceptedSecretIsAskedForAgainAfterAWhile() {
    assertFalse(freshness.isAccepted(NAME));
    freshness.accepted(NAME);
    assertTrue(freshness.isAcceptedLately(NAME));
    clock.advance(INTERVAL);
    assertFalse(freshness.isAcceptedLately(NAME));
    assertTrue(freshness.isAccepted(NAME), "the last word counts while the origin is away");
    freshness.refused(NAME);
    assertFalse(freshness.isAccepted(NAME));
  }

  @Test
  void aListingIsOldByItsAgeOrByWhatAReadMet() {
    Instant listed = clock.instant();
    assertFalse(freshness.isOld(NAME, listed));
    clock.advance(INTERVAL);
    assertTrue(freshness.isOld(NAME, listed));
    // It found nothing new, so the snapshot is as old as before.
    assertFalse(freshness.listing(NAME));
    freshness.listed(NAME);
    assertFalse(freshness.isOld(NAME, listed));
    freshness.changed(NAME);
    assertTrue(freshness.isOld(NAME, listed));
    assertTrue(freshness.listing(NAME));
    assertFalse(freshness.isOld(NAME, listed));
    clock.advance(INTERVAL);
    assertTrue(freshness.isOld(NAME, clock.instant().plusSeconds(60)), "a clock that is ahead");
  }
}
