package dev.larder.store.rocks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.WriteBatch;

final class RocksIndexTest {
  private static final RocksSettings SETTINGS = new RocksSettings(4 << 20, 2 << 20, 64);

  @TempDir Path folder;

  private RocksIndex open() {
    return new RocksIndex(folder, SETTINGS, kind -> {});
  }

  @Test
  void keepsWhatWasWrittenTogether() {
    try (RocksIndex index = open()) {
      index.write(
          true,
          batch -> {
            batch.put(Family.BLOB, new byte[] {1}, new byte[] {10});
            batch.put(Family.PIN, new byte[] {2}, new byte[] {20});
          });
      assertThrows(
          IllegalStateException.class,
          () ->
              index.write(
                  false,
                  batch -> {
                    batch.put(Family.BLOB, new byte[] {3}, new byte[] {30});
                    throw new IllegalStateException("the caller changed its mind");
                  }));
      assertEquals(0, index.leasedHandles());
    }
    try (RocksIndex index = open()) {
      assertArrayEquals(new byte[] {10}, index.get(Family.BLOB, new byte[] {1}));
      assertArrayEquals(new byte[] {20}, index.get(Family.PIN, new byte[] {2}));
      assertNull(index.get(Family.BLOB, new byte[] {3}));
      List<Integer> seen = new ArrayList<>();
      index.scan(Family.BLOB, new byte[0], (key, value) -> seen.add((int) key[0]));
      assertEquals(List.of(1), seen);
    }
  }

  @Test
  void useAfterCloseIsAnErrorAndCloseWaitsForUsers() throws Exception {
    for (int round = 0; round < 10; round++) {
      RocksIndex index = open();
      index.write(false, batch -> batch.put(Family.BLOB, new byte[] {1}, new byte[100]));
      int threads = 4;
      CountDownLatch started = new CountDownLatch(threads);
      try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
        List<Future<IndexFault>> users = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
          users.add(pool.submit(() -> useUntilClosed(index, started)));
        }
        started.await();
        index.close();
        for (Future<IndexFault> user : users) {
          assertEquals(IndexFault.Kind.CLOSED, user.get().kind());
        }
      }
      index.close();
    }
  }

  private static IndexFault useUntilClosed(RocksIndex index, CountDownLatch started) {
    started.countDown();
    while (true) {
      try {
        index.get(Family.BLOB, new byte[] {1});
        index.scan(Family.BLOB, new byte[0], (key, value) -> value.length == 100);
        index.write(false, batch -> batch.put(Family.PIN, new byte[] {5}, new byte[] {6}));
        index.property("rocksdb.cur-size-all-mem-tables");
      } catch (IndexFault e) {
        return e;
      }
    }
  }

  @Test
  void aLeakedHandleFailsTheCloseWithItsStack() {
    try (RocksIndex index = open()) {
      assertEquals(0, index.leasedHandles());
    }
    Handles handles = new Handles();
    Handles.Lease<WriteBatch> leaked = handles.lease(new WriteBatch());
    IllegalStateException e = assertThrows(IllegalStateException.class, handles::close);
    assertTrue(String.valueOf(e.getMessage()).startsWith("1 native"));
    assertEquals(
        "aLeakedHandleFailsTheCloseWithItsStack",
        java.util.Arrays.stream(e.getCause().getStackTrace())
            .filter(frame -> frame.getClassName().equals(RocksIndexTest.class.getName()))
            .findFirst()
            .orElseThrow()
            .getMethodName());
    leaked.close();
    new Handles().close();
  }
}
