package dev.larder.agent.fill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.Blocks;
import dev.larder.testkit.Seeds;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BlobPlanTest {
  private static final long MIB = Blocks.BLOCK_BYTES;

  @Test
  void coalescesUpToTheRunsBoundAndTheStripesEnd() {
    BlobPlan plan = new BlobPlan(200 * MIB, 16, 8, 7);
    plan.want(1, want(56 * MIB, 200 * MIB));
    BlockRun first = plan.next(none -> false).orElseThrow();
    assertEquals(BlockRun.of(200 * MIB, 56, 8, FillPriority.DEMAND), first);
    plan.started(first);
    assertEquals(
        BlockRun.of(200 * MIB, 64, 16, FillPriority.AHEAD), plan.next(none -> false).orElseThrow());
  }

  @Test
  void neverReachesOverWhatIsPresentOrInFlight() {
    BlobPlan plan = new BlobPlan(64 * MIB, 16, 8, 7);
    plan.want(1, want(0, 64 * MIB));
    assertEquals(5, plan.next(block -> block == 5).orElseThrow().blocks());
    plan.started(BlockRun.of(64 * MIB, 3, 4, FillPriority.AHEAD));
    assertEquals(3, plan.next(block -> false).orElseThrow().blocks());
  }

  @Test
  void wantedIsWhatReadersLackAndNotWhatTheBlobLacks() {
    BlobPlan plan = new BlobPlan(1024 * MIB, 16, 8, 7);
    assertEquals(0, plan.wantedBytes(none -> false, 256));
    plan.want(1, want(10 * MIB, 20 * MIB));
    assertEquals(10 * MIB, plan.wantedBytes(none -> false, 256));
    plan.started(BlockRun.of(1024 * MIB, 10, 4, FillPriority.DEMAND));
    assertEquals(5 * MIB, plan.wantedBytes(block -> block == 19, 256));
    plan.want(2, BlobPlan.Want.whole(1024 * MIB, true));
    assertEquals(256 * MIB, plan.wantedBytes(none -> false, 256));
    assertEquals(100 * MIB, plan.wantedBytes(block -> block < 924, 256));
    plan.leave(2);
    assertEquals(6 * MIB, plan.wantedBytes(none -> false, 256));
  }

  @Test
  void whoeverWaitsComesBeforeReadAheadAndWarmUps() {
    BlobPlan plan = new BlobPlan(1024 * MIB, 16, 8, 7);
    plan.want(1, new BlobPlan.Want(0, 1024 * MIB, true));
    assertEquals(FillPriority.WARM, plan.next(none -> false).orElseThrow().priority());
    plan.want(2, want(512 * MIB, 600 * MIB));
    BlockRun demand = plan.next(none -> false).orElseThrow();
    assertEquals(FillPriority.DEMAND, demand.priority());
    assertEquals(512, demand.firstBlock());
    plan.started(demand);
    assertEquals(FillPriority.AHEAD, plan.next(none -> false).orElseThrow().priority());
  }

  @Test
  void whatIsWantedWholeComesAFewStripesAtOnceInAnOrderOfTheNodesOwn() {
    long size = 1024 * MIB;
    BlobPlan plan = new BlobPlan(size, 16, 9, 7);
    plan.want(1, BlobPlan.Want.whole(size, false));
    List<Integer> stripes = new ArrayList<>();
    for (int run = 0; run < 8; run++) {
      BlockRun next = plan.next(none -> false).orElseThrow();
      plan.started(next);
      stripes.add(next.stripe());
    }
    List<Integer> few = stripes.subList(0, FillConfig.STRIPES_AT_ONCE);
    assertEquals(
        FillConfig.STRIPES_AT_ONCE, few.stream().distinct().count(), () -> "at once: " + stripes);
    assertEquals(few, stripes.subList(FillConfig.STRIPES_AT_ONCE, 8), "then each of them goes on");
    assertTrue(plan.next(none -> false).isEmpty(), "one run is left for who waits");
    BlobPlan other = new BlobPlan(size, 16, 9, 8);
    other.want(1, BlobPlan.Want.whole(size, false));
    List<Integer> others = new ArrayList<>();
    for (int run = 0; run < 4; run++) {
      BlockRun next = other.next(none -> false).orElseThrow();
      other.started(next);
      others.add(next.stripe());
    }
    assertFalse(few.equals(others), "two nodes in one order");
    // Who waits comes first, whatever the order.
    int free = 0;
    while (stripes.contains(free)) {
      free++;
    }
    plan.want(2, want(free * 64 * MIB, free * 64 * MIB + 1));
    assertEquals(free, plan.next(none -> false).orElseThrow().stripe());
  }

  @Test
  void nothingIsPlannedForReadersThatLeft() {
    BlobPlan plan = new BlobPlan(64 * MIB, 16, 8, 7);
    plan.want(1, want(0, 64 * MIB));
    BlockRun run = plan.next(none -> false).orElseThrow();
    plan.started(run);
    assertTrue(plan.isWanted(run));
    plan.leave(1);
    assertFalse(plan.isWanted(run));
    assertTrue(plan.next(none -> false).isEmpty());
    assertTrue(plan.isIdle());
  }

  @Test
  void aFailedRunIsPlannedAgain() {
    BlobPlan plan = new BlobPlan(64 * MIB, 16, 8, 7);
    plan.want(1, want(0, 32 * MIB));
    BlockRun first = plan.next(none -> false).orElseThrow();
    plan.started(first);
    BlockRun second = plan.next(none -> false).orElseThrow();
    plan.started(second);
    assertTrue(plan.next(none -> false).isEmpty());
    plan.ended(first);
    assertEquals(first.firstBlock(), plan.next(none -> false).orElseThrow().firstBlock());
  }

  /**
   * Random readers, runs that end well or badly: every wanted block comes, none is fetched twice.
   */
  @Test
  void bringsInEveryWantedBlockAndNoneTwice() {
    Seeds.run(300, BlobPlanTest::randomLife);
  }

  private static void randomLife(Random random) {
    long size = 1 + random.nextLong(300 * MIB);
    int blocks = (int) Blocks.blockCount(size);
    int runMax = 1 + random.nextInt(16);
    int runsMax = 1 + random.nextInt(8);
    BlobPlan plan = new BlobPlan(size, runMax, runsMax, 7);
    BitSet present = new BitSet();
    for (int i = random.nextInt(20); i > 0; i--) {
      present.set(random.nextInt(blocks));
    }
    List<BlockRun> active = new ArrayList<>();
    BitSet wanted = new BitSet();
    for (int step = 0; step < 400; step++) {
      switch (random.nextInt(4)) {
        case 0 -> {
          if (random.nextInt(3) == 0) {
            plan.want(random.nextInt(3), BlobPlan.Want.whole(size, random.nextInt(4) == 0));
            continue;
          }
          long offset = random.nextLong(size);
          long end = Math.min(size, offset + 1 + random.nextLong(40 * MIB));
          boolean isWarm = random.nextInt(4) == 0;
          plan.want(random.nextInt(3), new BlobPlan.Want(offset, end, isWarm));
        }
        case 1 -> {
          if (!active.isEmpty()) {
            BlockRun run = active.remove(random.nextInt(active.size()));
            int good = random.nextInt(3) == 0 ? random.nextInt(run.blocks()) : run.blocks();
            present.set((int) run.firstBlock(), (int) run.firstBlock() + good);
            plan.ended(run);
          }
        }
        case 2 -> plan.leave(random.nextInt(3));
        default -> start(plan, present, active, size, runMax, runsMax);
      }
    }
    plan.leave(0);
    plan.leave(1);
    plan.leave(2);
    boolean isWhole = random.nextBoolean();
    long from = isWhole ? 0 : random.nextLong(size);
    plan.want(9, isWhole ? BlobPlan.Want.whole(size, random.nextBoolean()) : want(from, size));
    wanted.set((int) Blocks.blockAt(from), blocks);
    for (int guard = 0; guard < 10_000; guard++) {
      start(plan, present, active, size, runMax, runsMax);
      if (active.isEmpty()) {
        break;
      }
      BlockRun run = active.removeFirst();
      present.set((int) run.firstBlock(), (int) run.endBlock());
      plan.ended(run);
    }
    wanted.andNot(present);
    assertTrue(wanted.isEmpty(), () -> "never fetched: " + wanted);
  }

  private static void start(
      BlobPlan plan, BitSet present, List<BlockRun> active, long size, int runMax, int runsMax) {
    Optional<BlockRun> next = plan.next(block -> present.get((int) block));
    if (next.isEmpty()) {
      return;
    }
    BlockRun run = next.get();
    assertTrue(run.blocks() >= 1 && run.blocks() <= runMax, "length of " + run);
    assertTrue(run.endBytes() <= size, "end of " + run);
    assertEquals(run.stripe(), Blocks.stripeOfBlock(run.endBlock() - 1), "one stripe");
    assertEquals(
        run.endBlock(),
        present.nextSetBit((int) run.firstBlock()) < 0
            ? run.endBlock()
            : Math.min(run.endBlock(), present.nextSetBit((int) run.firstBlock())));
    for (BlockRun other : active) {
      assertTrue(
          run.endBlock() <= other.firstBlock() || other.endBlock() <= run.firstBlock(),
          run + " overlaps " + other);
    }
    plan.started(run);
    active.add(run);
    assertTrue(active.size() <= runsMax, "runs at work");
  }

  private static BlobPlan.Want want(long offset, long end) {
    return new BlobPlan.Want(offset, end, false);
  }
}
