package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class RefusalsTest {
  private static final BlobKey KEY = StoreTestSupport.originKey(1);

  private static long seconds(long count) {
    return TimeUnit.SECONDS.toNanos(count);
  }

  @Test
  void theWaitDoublesUpToAMinuteAndStartsAnewOnceGranted() {
    Refusals refusals = new Refusals(10);
    long now = Long.MAX_VALUE - seconds(10); // the clock may wrap
    assertFalse(refusals.isRefused(KEY, now));
    for (long wait : new long[] {1, 2, 4, 8, 16, 32, 60, 60}) {
      refusals.add(KEY, now);
      assertTrue(refusals.isRefused(KEY, now + seconds(wait) - 1), "after " + wait + " s");
      now += seconds(wait);
      assertFalse(refusals.isRefused(KEY, now), "after " + wait + " s");
    }
    refusals.forget(KEY);
    refusals.add(KEY, now);
    assertFalse(refusals.isRefused(KEY, now + seconds(1)));
  }

  @Test
  void oneAskedAboutEarlyWaitsNoLonger() {
    Refusals refusals = new Refusals(10);
    refusals.add(KEY, 0);
    refusals.add(KEY, seconds(1) - 1);
    assertFalse(refusals.isRefused(KEY, seconds(1)));
    refusals.add(KEY, seconds(1));
    assertTrue(refusals.isRefused(KEY, seconds(3) - 1));
    assertFalse(refusals.isRefused(KEY, seconds(3)));
  }

  @Test
  void forgetsTheLongestRefusedBeyondItsBound() {
    Refusals refusals = new Refusals(3);
    for (int i = 0; i < 5; i++) {
      refusals.add(StoreTestSupport.originKey(i), 0);
    }
    assertEquals(3, refusals.size());
    assertFalse(refusals.isRefused(StoreTestSupport.originKey(1), 0));
    assertTrue(refusals.isRefused(StoreTestSupport.originKey(2), 0));
  }
}
