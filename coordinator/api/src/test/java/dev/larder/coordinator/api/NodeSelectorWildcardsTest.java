package dev.larder.coordinator.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class NodeSelectorWildcardsTest {
  @Test
  void fitsAsARegularExpressionDoes() {
    long seed = Long.getLong("larder.seed", System.nanoTime());
    Random random = new Random(seed);
    for (int n = 0; n < 20_000; n++) {
      String wild = word(random, "ab*?");
      String text = word(random, "ab*?");
      String regex =
          wild.chars()
              .mapToObj(ch -> ch == '*' ? ".*" : ch == '?' ? "." : Pattern.quote("" + (char) ch))
              .collect(Collectors.joining());
      assertEquals(
          Pattern.matches(regex, text),
          NodeSelector.fits(wild, text),
          () -> "-Dlarder.seed=" + seed + " \"" + wild + "\" \"" + text + "\"");
    }
  }

  private static String word(Random random, String letters) {
    return random
        .ints(random.nextInt(9), 0, letters.length())
        .mapToObj(i -> letters.substring(i, i + 1))
        .collect(Collectors.joining());
  }

  @Test
  @Timeout(10)
  void theWorstPatternTakesNoTime() {
    String worst = "*?".repeat(2_000) + "x";
    String id = "n".repeat(253);
    for (int n = 0; n < 100; n++) {
      assertFalse(NodeSelector.fits(worst, id));
    }
  }
}
