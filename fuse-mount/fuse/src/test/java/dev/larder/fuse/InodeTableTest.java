package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.testkit.Seeds;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class InodeTableTest {
  private static final int SLOTS = 8;
  private static final int ROWS = 1024;

  private final MemorySegment memory = Memories.zeros(SLOTS, ROWS);
  private final Rows rows = SharedState.format(memory, SLOTS, ROWS, 1).rows();

  @Test
  void aKeyHasOneRow() {
    InodeTable table = InodeTable.rebuild(rows);
    BlobKey key = Memories.key(new Random(1));
    assertEquals(-1, table.find(key));
    assertEquals(-1, table.hold(key));
    int row = table.holdOrAdd(key, 10);
    assertEquals(row, table.holdOrAdd(key, 10));
    assertEquals(row, table.hold(key));
    assertEquals(row, table.find(key));
    assertEquals(3, rows.lookups(row));
    assertEquals(1, table.size());
    assertEquals(ROWS - 258, table.capacity());
    assertEquals(10, rows.sizeBytes(row));
    assertEquals(row, rows.rowOf(rows.nodeId(row)));
  }

  @Test
  void aRowIsFreedOnlyWhenNobodyKnowsIt() {
    InodeTable table = InodeTable.rebuild(rows);
    BlobKey key = Memories.key(new Random(2));
    int row = table.holdOrAdd(key, 1);
    long nodeId = rows.nodeId(row);
    assertFalse(table.freeIfIdle(row));
    table.forget(row, 1);
    rows.putOpens(row, 1);
    assertFalse(table.freeIfIdle(row));
    rows.putOpens(row, 0);
    rows.putMode(row, Rows.PASSTHROUGH);
    assertFalse(table.freeIfIdle(row));
    rows.putMode(row, Rows.CLOSED);
    assertTrue(table.freeIfIdle(row));
    assertFalse(table.freeIfIdle(row));
    assertEquals(-1, table.find(key));
    assertEquals(-1, rows.rowOf(nodeId));

    BlobKey other = Memories.key(new Random(3));
    assertEquals(row, table.holdOrAdd(other, 2));
    assertNotEquals(nodeId, rows.nodeId(row), "a row used again has another node id");
    assertEquals(-1, rows.rowOf(nodeId));
    assertFalse(table.freeIfIdle(Layout.ROW_ROOT));
  }

  @Test
  void fullTableGivesNoRow() {
    InodeTable table = InodeTable.rebuild(rows);
    Random random = new Random(4);
    List<BlobKey> keys = new ArrayList<>();
    for (int i = 0; i < table.capacity(); i++) {
      keys.add(Memories.key(random));
      assertTrue(table.holdOrAdd(keys.getLast(), 1) > 0);
    }
    BlobKey more = Memories.key(random);
    assertEquals(-1, table.holdOrAdd(more, 1));
    assertTrue(table.hold(keys.getFirst()) > 0, "known keys go on");
    assertEquals(-1, InodeTable.rebuild(rows).holdOrAdd(more, 1));
    int row = table.find(keys.get(17));
    table.forget(row, 1);
    assertTrue(table.freeIfIdle(row));
    assertEquals(row, table.holdOrAdd(more, 1));
  }

  @Test
  void forgettingStopsAtZeroAndCountsStick() {
    InodeTable table = InodeTable.rebuild(rows);
    int row = table.holdOrAdd(Memories.key(new Random(5)), 1);
    table.forget(row, 100);
    assertEquals(0, rows.lookups(row));
    table.holdOrAdd(rows.key(row), 1);
    table.forget(row, -1);
    assertEquals(0, rows.lookups(row));
    rows.putLookups(row, Integer.MAX_VALUE);
    table.hold(rows.key(row));
    table.forget(row, 5);
    assertEquals(Integer.MAX_VALUE, rows.lookups(row), "a count once lost is never trusted again");
  }

  /** Against a map: any order of calls, with rebuilds in between. */
  @Test
  void behavesLikeAMap() {
    Seeds.run(
        10,
        random -> {
          MemorySegment memory = Memories.zeros(SLOTS, ROWS);
          Rows rows = SharedState.format(memory, SLOTS, ROWS, 1).rows();
          InodeTable table = InodeTable.rebuild(rows);
          List<BlobKey> keys = new ArrayList<>();
          for (int i = 0; i < 900; i++) {
            keys.add(Memories.key(random));
          }
          Map<BlobKey, Integer> lookups = new HashMap<>();
          for (int i = 0; i < 20_000; i++) {
            BlobKey key = keys.get(random.nextInt(keys.size()));
            switch (random.nextInt(20)) {
              case 0 -> table = InodeTable.rebuild(SharedState.open(memory).rows());
              case 1, 2, 3, 4, 5, 6, 7, 8, 9 -> {
                int row = table.holdOrAdd(key, key.digest().a());
                boolean full = lookups.size() == table.capacity();
                assertEquals(full && !lookups.containsKey(key), row < 0);
                if (row > 0) {
                  lookups.merge(key, 1, Integer::sum);
                  assertEquals(key, rows.key(row));
                  assertEquals(key.digest().a(), rows.sizeBytes(row));
                }
              }
              default -> {
                int row = table.find(key);
                assertEquals(lookups.containsKey(key), row > 0);
                if (row > 0) {
                  int times = 1 + random.nextInt(2);
                  table.forget(row, times);
                  lookups.merge(key, -times, (a, b) -> Math.max(0, a + b));
                  assertEquals(lookups.get(key) == 0, table.freeIfIdle(row));
                  lookups.remove(key, 0);
                }
              }
            }
            assertEquals(lookups.size(), table.size());
          }
          Set<Integer> seen = new HashSet<>();
          for (Map.Entry<BlobKey, Integer> entry : lookups.entrySet()) {
            int row = table.find(entry.getKey());
            assertTrue(seen.add(row));
            assertEquals(entry.getValue(), rows.lookups(row));
          }
        });
  }

  @Test
  void rebuildFreesWhatTheLastAgentCouldNot() {
    InodeTable table = InodeTable.rebuild(rows);
    BlobKey gone = Memories.key(new Random(6));
    BlobKey open = Memories.key(new Random(7));
    int goneRow = table.holdOrAdd(gone, 1);
    int openRow = table.holdOrAdd(open, 1);
    table.forget(goneRow, 1);
    table.forget(openRow, 1);
    rows.putOpens(openRow, 1);
    InodeTable next = InodeTable.rebuild(rows);
    assertEquals(-1, next.find(gone));
    assertEquals(openRow, next.find(open));
  }

  @Test
  void manyThreadsHoldAndForget() throws Exception {
    InodeTable table = InodeTable.rebuild(rows);
    List<BlobKey> keys = new ArrayList<>();
    Random random = new Random(8);
    for (int i = 0; i < 32; i++) {
      keys.add(Memories.key(random));
    }
    int threads = 4;
    CyclicBarrier barrier = new CyclicBarrier(threads);
    AtomicReference<Throwable> failed = new AtomicReference<>();
    List<Thread> running = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      Random own = new Random(t);
      running.add(
          Thread.ofPlatform()
              .start(() -> {
                try {
                  barrier.await();
                  for (int i = 0; i < 20_000; i++) {
                    BlobKey key = keys.get(own.nextInt(keys.size()));
                    int row = table.holdOrAdd(key, 7);
                    // Held, so nobody may free it or give it to another key.
                    assertEquals(key, rows.key(row));
                    assertEquals(row, rows.rowOf(rows.nodeId(row)));
                    table.forget(row, 1);
                    table.freeIfIdle(row);
                  }
                } catch (Throwable e) {
                  failed.compareAndSet(null, e);
                }
              }));
    }
    for (Thread thread : running) {
      thread.join();
    }
    assertEquals(null, failed.get());
    for (BlobKey key : keys) {
      int row = table.find(key);
      if (row > 0) {
        table.freeIfIdle(row);
      }
    }
    assertEquals(0, table.size());
  }
}
