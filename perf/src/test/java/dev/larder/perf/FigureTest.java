package dev.larder.perf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class FigureTest {
  @Test
  void medianIsTheMiddleWhateverTheOrder() {
    Samples odd = new Samples();
    List.of(9.0, 1.0, 5.0, 1000.0, 2.0).forEach(odd::add);
    assertEquals(5, odd.median());
    odd.add(7);
    assertEquals(6, odd.median());
    assertEquals(1, odd.min());
    assertEquals(1000, odd.max());
  }

  @Test
  void medianOfNothingIsAnError() {
    assertThrows(IllegalStateException.class, () -> new Samples().median());
    assertThrows(IllegalArgumentException.class, () -> new Samples().add(Double.NaN));
  }

  @Test
  void printsOneJsonObject() {
    assertEquals(
        "{\"name\":\"a\",\"unit\":\"GB/s\",\"value\":1.9,\"baseline\":2,\"ratio\":0.95,"
            + "\"goal\":0.95,\"holds\":true}",
        new Figure("a", "GB/s", 1.9, 2.0, Goal.ratioAtLeast(0.95)).json());
    assertEquals(
        "{\"name\":\"b\",\"unit\":\"ms\",\"value\":0.001234,\"baseline\":null,\"ratio\":null,"
            + "\"goal\":null,\"holds\":null}",
        Figure.alone("b", "ms", 0.0012344, null).json());
  }

  @Test
  void numbersHaveNoExponent() {
    assertEquals("123457", Figure.number(123456.7));
    assertEquals("0", Figure.number(0.0));
    assertEquals("-3.25", Figure.number(-3.25));
    assertEquals("100", Figure.number(100.0));
    assertEquals("null", Figure.number(null));
  }

  @Test
  void judgesGoals() {
    assertTrue(Figure.alone("a", "s", 2.5, Goal.atMost(2.5)).holds());
    assertFalse(Figure.alone("a", "s", 2.51, Goal.atMost(2.5)).holds());
    assertFalse(new Figure("a", "s", 1, 2.0, Goal.ratioAtLeast(0.6)).holds());
    assertNull(
        Figure.alone("a", "s", 1, Goal.ratioAtLeast(0.6)).holds(), "no baseline, no verdict");
  }

  @Test
  void roundsAlternateWhoStarts() throws Exception {
    StringBuilder order = new StringBuilder();
    Rounds rounds =
        Rounds.interleave(
            4,
            round -> {
              order.append('A');
              return round;
            },
            round -> {
              order.append('B');
              return 10.0 * round;
            });
    assertEquals("ABBAABBA", order.toString());
    assertEquals(0.1, rounds.figure("x", "", Goal.ratioAtLeast(1)).ratio());
  }
}
