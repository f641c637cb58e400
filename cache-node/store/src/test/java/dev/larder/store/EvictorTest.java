package dev.larder.store;

import static dev.larder.store.StoreTestSupport.MIB;
import static dev.larder.store.StoreTestSupport.config;
import static dev.larder.store.StoreTestSupport.content;
import static dev.larder.store.StoreTestSupport.originKey;
import static dev.larder.store.StoreTestSupport.put;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import dev.larder.store.BlobStore.SealedBlob;
import dev.larder.store.BlobStore.SealedInfo;
import dev.larder.store.index.BlobRecord;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the eviction of files promises beyond the contract. */
final class EvictorTest {
  @TempDir Path directory;

  private Path blobFile(BlobKey key) {
    return directory.resolve("blobs").resolve(key.diskName());
  }

  @Test
  void theGuardIsAskedWithNoLockHeld() throws Exception {
    try (LarderStore store = LarderStore.open(config(directory).withBudget(8L * MIB, 0));
        var others = Executors.newCachedThreadPool()) {
      AtomicInteger asked = new AtomicInteger();
      // Another thread must get through whatever it does with the very blob.
      store.guardEvictions((key, file) -> {
        asked.incrementAndGet();
        Future<Boolean> other =
            others.submit(() -> {
              store.openSealed(key).ifPresent(SealedBlob::close);
              store.pin(originKey(-1), "test");
              store.stats();
              return true;
            });
        try {
          return other.get(20, TimeUnit.SECONDS);
        } catch (Exception e) {
          throw new AssertionError("the other thread does not get through", e);
        }
      });
      for (int i = 0; i < 6; i++) {
        put(store, originKey(i), content(i, 2 * MIB));
      }
      assertTrue(asked.get() > 0);
      assertTrue(store.stats().usedBytes() <= 8L * MIB);
    }
  }

  @Test
  void aGuardThatHangsStopsNobodyElse() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch answer = new CountDownLatch(1);
    try (LarderStore store = LarderStore.open(config(directory).withBudget(8L * MIB, 0));
        var others = Executors.newCachedThreadPool()) {
      for (int i = 0; i < 4; i++) {
        put(store, originKey(i), content(i, 2 * MIB - 5000));
      }
      AtomicInteger calls = new AtomicInteger();
      store.guardEvictions((key, file) -> {
        if (calls.getAndIncrement() == 0) {
          asked.countDown();
          try {
            return answer.await(30, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            return false;
          }
        }
        return true;
      });
      Future<SealedInfo> hanging = others.submit(() -> put(store, originKey(10), content(10, MIB)));
      assertTrue(asked.await(30, TimeUnit.SECONDS));
      put(store, originKey(11), content(11, MIB));
      assertFalse(hanging.isDone());
      answer.countDown();
      assertEquals(originKey(10), hanging.get(30, TimeUnit.SECONDS).key());
    }
  }

  /** A lease on the file tells whether somebody reads it, and must not tell of this process. */
  @Test
  void theStoreHasTheFileNotOpenWhenItAsks() {
    Set<Path> open = new ConcurrentSkipListSet<>();
    try (LarderStore store = LarderStore.open(config(directory).withBudget(8L * MIB, 0))) {
      store.guardEvictions((key, file) -> {
        if (isOpenHere(file)) {
          open.add(file);
        }
        return true;
      });
      for (int i = 0; i < 8; i++) {
        put(store, originKey(i), content(i, 2 * MIB - 5000));
        StoreTestSupport.readAll(store, originKey(i));
      }
      assertTrue(isOpenHere(blobFile(originKey(7))), "a file just read is kept open");
      assertEquals(Set.of(), open);
      assertTrue(store.stats().counters().get("evicted_units_total") > 0);
    }
  }

  private static boolean isOpenHere(Path file) {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      Path real = file.toRealPath();
      return all.anyMatch(fd -> real.equals(target(fd)));
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static @Nullable Path target(Path fd) {
    try {
      return Files.readSymbolicLink(fd);
    } catch (java.io.IOException e) {
      return null; // closed meanwhile
    }
  }

  @Test
  void nobodyIsAskedAboutASmallBlob() {
    try (LarderStore store = LarderStore.open(config(directory).withBudget(MIB, 0))) {
      store.guardEvictions((key, file) -> false);
      for (int i = 0; i < 100; i++) {
        ByteBuffer bytes = ByteBuffer.wrap(content(i, 30_000));
        store.putSmall(originKey(i), bytes, Trust.ATTESTED, Optional.empty());
      }
      assertTrue(store.stats().counters().get("evicted_units_total") > 50);
      assertEquals(0, store.stats().counters().get("eviction_refusals_total"));
    }
  }

  @Test
  void refusalsAreCounted() {
    try (LarderStore store = LarderStore.open(config(directory).withBudget(8L * MIB, 0))) {
      put(store, originKey(0), content(0, 2 * MIB));
      store.guardEvictions((key, file) -> !key.equals(originKey(0)));
      for (int i = 1; i < 8; i++) {
        put(store, originKey(i), content(i, 2 * MIB));
      }
      assertTrue(store.stats().counters().get("eviction_refusals_total") > 0);
      assertEquals(1, store.stats().gauges().get("refused_victims"));
    }
  }

  @Test
  void whereNothingElseMayGoTheRefusedAreAskedAboutEarly() {
    try (LarderStore store = LarderStore.open(config(directory).withBudget(8L * MIB, 0))) {
      AtomicInteger asked = new AtomicInteger();
      AtomicInteger refuse = new AtomicInteger(Integer.MAX_VALUE);
      store.guardEvictions((key, file) -> asked.getAndIncrement() >= refuse.get());
      for (int i = 0; i < 3; i++) {
        put(store, originKey(i), content(i, 2 * MIB));
      }
      LarderException full =
          assertThrows(LarderException.class, () -> put(store, originKey(3), content(3, 3 * MIB)));
      assertEquals(ErrorCode.STORE_FULL, full.code());
      assertEquals(3, store.stats().gauges().get("refused_victims"));
      refuse.set(0);
      // Within the second in which none of them would have been named.
      put(store, originKey(4), content(4, 3 * MIB));
      assertTrue(store.stats().usedBytes() <= 8L * MIB);
    }
  }

  /** A last round is bounded: a store full of open files must not ask about all of them. */
  @Test
  void anEarlyRoundAsksAboutABoundedNumber() {
    int blobs = 200;
    try (LarderStore store = LarderStore.open(config(directory).withBudget(blobs * MIB / 8L, 0))) {
      for (int i = 0; i < blobs - 20; i++) {
        put(store, originKey(i), content(i, MIB / 8 - 2000));
      }
      AtomicInteger asked = new AtomicInteger();
      store.guardEvictions((key, file) -> {
        asked.incrementAndGet();
        return false;
      });
      assertThrows(LarderException.class, () -> put(store, originKey(-1), content(-1, 4 * MIB)));
      int first = asked.getAndSet(0);
      assertTrue(first >= blobs - 20, "asked about " + first);
      assertThrows(LarderException.class, () -> put(store, originKey(-2), content(-2, 4 * MIB)));
      assertTrue(asked.get() > 0 && asked.get() <= 2 * 64, "asked about " + asked);
    }
  }

  @Test
  void listenersHearOfAFileAfterItCameAndAfterItWent() {
    ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
    AtomicInteger heard = new AtomicInteger();
    try (LarderStore store = LarderStore.open(config(directory).withBudget(8L * MIB, 0))) {
      store.addListener(
          new BlobStore.StoreListener() {
            @Override
            public void onSealed(SealedInfo info) {
              heard.incrementAndGet();
              if (!Files.isRegularFile(blobFile(info.key()))) {
                wrong.add("sealed and not there: " + info.key());
              }
            }

            @Override
            public void onGone(BlobKey key, boolean whole) {
              heard.incrementAndGet();
              if (whole && Files.exists(blobFile(key))) {
                wrong.add("gone and still there: " + key);
              }
            }
          });
      for (int i = 0; i < 8; i++) {
        put(store, originKey(i), content(i, 2 * MIB));
      }
      BlobKey last = originKey(7);
      try (SealedBlob open = store.openSealed(last).orElseThrow()) {
        store.delete(last);
        assertTrue(Files.exists(open.path()), "goes when it is closed");
      }
      store.quarantine(originKey(6), "test");
      assertEquals(List.of(), List.copyOf(wrong));
      assertTrue(heard.get() >= 8 + 4 + 2, "heard " + heard);
    }
  }

  @Test
  void aFileWhoseRecordWentBeforeACrashIsUnlinked() {
    BlobKey removed = originKey(1);
    BlobKey back = originKey(2);
    try (LarderStore store = LarderStore.open(config(directory))) {
      put(store, removed, content(1, MIB));
      put(store, back, content(2, MIB));
      BlobRecord record = store.index().blob(removed).orElseThrow();
      store
          .index()
          .change(
              true,
              change -> {
                change.removeBlob(removed, record);
                change.removeStripe(removed, 0);
                change.markGoing(removed);
                // The mark of a blob that came back: its removal was finished, the mark stayed.
                change.markGoing(back);
              });
    }
    assertTrue(Files.exists(blobFile(removed)));
    try (LarderStore store = LarderStore.open(config(directory))) {
      assertFalse(Files.exists(blobFile(removed)));
      store.awaitSettled();
      assertTrue(store.find(removed).isEmpty());
      StoreTestSupport.readAll(store, back);
      assertEquals(0, store.stats().counters().get("quarantined_total"));
      assertFalse(Files.list(directory.resolve("quarantine")).findAny().isPresent());
      assertEquals(1, store.stats().counters().get("orphans_total"));
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
    try (LarderStore store = LarderStore.open(config(directory))) {
      assertEquals(List.of(), store.index().going(), "marks are taken away");
    }
  }

  /** Else every put into a full store would wait for the disk. */
  @Test
  void aFullStoreMakesRoomForMoreThanOneAtATime() {
    try (LarderStore store = LarderStore.open(config(directory).withBudget(64L * MIB, 0))) {
      int count = 0;
      while (store.stats().counters().get("evicted_units_total") == 0) {
        put(store, originKey(count), content(count, 70_000));
        count++;
      }
      assertTrue(store.stats().counters().get("evicted_units_total") > 2);
      ByteBuffer small = ByteBuffer.wrap(content(-1, 1000));
      store.putSmall(originKey(-1), small, Trust.ATTESTED, Optional.empty());
    }
  }
}
