package dev.larder.agent.fill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.testkit.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FillBudgetTest {
  @Test
  void keepsAQuarterForReadersWhoWait() {
    FillBudget budget = new FillBudget(8, 1000);
    for (int i = 0; i < 6; i++) {
      assertTrue(budget.tryStart(FillPriority.AHEAD, 1, false));
    }
    assertFalse(budget.tryStart(FillPriority.AHEAD, 1, false));
    assertTrue(budget.tryStart(FillPriority.DEMAND, 1, false));
    assertTrue(budget.tryStart(FillPriority.DEMAND, 1, false));
    assertFalse(budget.tryStart(FillPriority.DEMAND, 1, false));
  }

  @Test
  void warmUpsGiveWayToReaders() {
    FillBudget budget = new FillBudget(8, 1000);
    assertFalse(budget.tryStart(FillPriority.WARM, 1, true));
    for (int i = 0; i < 4; i++) {
      assertTrue(budget.tryStart(FillPriority.WARM, 1, false));
    }
    assertFalse(budget.tryStart(FillPriority.WARM, 1, false));
  }

  @Test
  void oneRunIsAllowedWhateverItsSize() {
    FillBudget budget = new FillBudget(8, 10);
    assertTrue(budget.tryStart(FillPriority.WARM, 100, false));
    assertFalse(budget.tryStart(FillPriority.DEMAND, 1, false));
    budget.endRun(FillPriority.WARM);
    assertFalse(budget.tryStart(FillPriority.DEMAND, 1, false), "not committed yet");
    budget.endBytes(100);
    assertTrue(budget.tryStart(FillPriority.DEMAND, 1, false));
  }

  @Test
  void boundsHoldAndEverythingComesBack() {
    Seeds.run(200, FillBudgetTest::randomLife);
  }

  private static void randomLife(Random random) {
    int runsMax = 1 + random.nextInt(16);
    long bytesMax = 1 + random.nextInt(1000);
    FillBudget budget = new FillBudget(runsMax, bytesMax);
    List<FillPriority> runs = new ArrayList<>();
    List<Long> bytes = new ArrayList<>();
    for (int step = 0; step < 500; step++) {
      if (random.nextBoolean()) {
        FillPriority priority = FillPriority.values()[random.nextInt(3)];
        long size = 1 + random.nextInt(200);
        long before = budget.bytes();
        if (budget.tryStart(priority, size, random.nextBoolean())) {
          runs.add(priority);
          bytes.add(size);
          assertTrue(before == 0 || budget.bytes() <= bytesMax);
          assertTrue(budget.runs() <= runsMax);
        }
      } else if (!runs.isEmpty() && random.nextBoolean()) {
        budget.endRun(runs.remove(random.nextInt(runs.size())));
      } else if (bytes.size() > runs.size()) {
        budget.endBytes(bytes.remove(random.nextInt(bytes.size())));
      }
    }
    runs.forEach(budget::endRun);
    bytes.forEach(budget::endBytes);
    assertEquals(0, budget.runs());
    assertEquals(0, budget.bytes());
    assertTrue(budget.tryStart(FillPriority.WARM, 1, false), "nothing leaked");
  }
}
