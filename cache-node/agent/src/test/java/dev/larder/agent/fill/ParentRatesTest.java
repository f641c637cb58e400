package dev.larder.agent.fill;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ParentRatesTest {
  private static final long SECOND = 1_000_000_000L;

  private final ParentRates rates = new ParentRates();

  @Test
  void whoGivesLessThanAQuarterOfTheOthersIsSlow() {
    rates.note("a", 100, SECOND, 0);
    rates.note("b", 80, SECOND, 0);
    rates.note("slow", 19, SECOND, 0);
    rates.note("fair", 21, SECOND, 0);
    assertTrue(rates.isSlow("slow", SECOND));
    assertFalse(rates.isSlow("fair", SECOND));
    assertFalse(rates.isSlow("a", SECOND));
  }

  @Test
  void aloneOrAmongEquallySlowOnesNobodyIsSlow() {
    rates.note("a", 1, SECOND, 0);
    assertFalse(rates.isSlow("a", 0));
    rates.note("b", 1, SECOND, 0);
    assertFalse(rates.isSlow("a", 0));
    assertFalse(rates.isSlow("unknown", 0));
  }

  @Test
  void whatWasLongAgoDoesNotCount() {
    rates.note("fast", 1000, SECOND, 0);
    rates.note("slow", 1, SECOND, 5 * SECOND);
    assertTrue(rates.isSlow("slow", 5 * SECOND));
    assertFalse(rates.isSlow("slow", 11 * SECOND));
  }

  @Test
  void whoCrawlsIsComparedWithWhatCameFromOthersAMinuteAgo() {
    rates.note("fast", 1700, SECOND, 0);
    rates.note("crawling", 100, SECOND, 50 * SECOND);
    assertFalse(rates.isSlow("crawling", 50 * SECOND));
    assertTrue(rates.isCrawling("crawling", 50 * SECOND));
    rates.note("crawling", 110, SECOND, 52 * SECOND);
    assertFalse(rates.isCrawling("crawling", 52 * SECOND));
    rates.note("crawling", 1, SECOND, 61 * SECOND);
    assertFalse(rates.isCrawling("crawling", 61 * SECOND));
  }
}
