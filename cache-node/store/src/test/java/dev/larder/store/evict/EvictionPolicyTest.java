package dev.larder.store.evict;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class EvictionPolicyTest {
  private static final int MANY = 100_000;
  private static final int VERSION_AT = 5;

  private static final String GOLDEN =
      "4c44454f000100000004"
          + "1000000000000000040000000000000002000000000000000300000000000000040591"
          + "0300000000000000000500000000000000020000000000000003000000000000000400"
          + "f503110000000000000002000000000000000200000000000000030000000000000004"
          + "03c9010200000000000000010000000000000002000000000000000300000000000000"
          + "0400650000000203910b0a32f3395500000000000000000000012e02f6715c";

  private final EvictionPolicy policy = EvictionPolicy.create();

  @Test
  void evictsOldestOfUnused() {
    admit(0, 10);
    assertEquals(List.of(0, 1, 2), evict(3));
  }

  @Test
  void sparesWhatWasUsed() {
    admit(0, 10);
    policy.used(unit(0));
    policy.used(unit(1));
    assertEquals(List.of(2, 3), evict(2));
  }

  @Test
  void keepsWhatComesBackSoonAfterEviction() {
    admit(0, 10);
    assertEquals(List.of(0), evict(1));
    policy.admitted(unit(0), 1);
    assertEquals(List.of(1, 2, 3, 4, 5, 6, 7, 8), evict(8));
  }

  @Test
  void deletedUnitIsForgotten() {
    admit(0, 20);
    assertEquals(List.of(0), evict(1));
    policy.removed(unit(5));
    admit(0, 1);
    admit(5, 1);
    assertEquals(List.of(5, 0), evict(20).subList(18, 20), "0 is back, 5 is new");
  }

  @Test
  void oneHugeUnitDoesNotSweepTheRest() {
    admit(0, 1000);
    for (int i = 0; i < 1000; i++) {
      policy.used(unit(i));
    }
    policy.admitted(unit(5000), 1_000_000);
    assertEquals(Optional.of(unit(5000)), policy.victim(any -> true));
  }

  @Test
  void refusedUnitsCostNothingUntilReleased() {
    admit(0, MANY);
    AtomicInteger asked = new AtomicInteger();
    assertEquals(
        Optional.of(unit(MANY - 1)),
        policy.victim(unit -> {
          asked.incrementAndGet();
          return unit.equals(unit(MANY - 1));
        }));
    assertTrue(asked.get() <= MANY + 300, "first pass asks each once: " + asked);
    policy.removed(unit(MANY - 1));
    asked.set(0);
    for (int i = 0; i < 100; i++) {
      assertEquals(
          Optional.empty(),
          policy.victim(any -> {
            asked.incrementAndGet();
            return false;
          }));
    }
    assertTrue(asked.get() <= 100 * 300, "asked " + asked);
    policy.released(unit(777));
    assertEquals(Optional.of(unit(777)), policy.victim(unit -> unit.equals(unit(777))));
  }

  @Test
  void unreleasedUnitIsFoundInTheEnd() {
    admit(0, 10_000);
    assertEquals(Optional.empty(), policy.victim(any -> false));
    UnitId freed = unit(6_000);
    int calls = 1;
    while (policy.victim(freed::equals).isEmpty()) {
      calls++;
      assertTrue(calls <= 10_000 / S3Fifo.ASIDE_CHECKS + 2, "calls " + calls);
    }
  }

  @Test
  void aMillionUnitsFitInto64MiB() {
    Runtime runtime = Runtime.getRuntime();
    long before = usedHeap(runtime);
    EvictionPolicy big = EvictionPolicy.create();
    int count = 1_000_000;
    for (int i = 0; i < count; i++) {
      big.admitted(new UnitId(BlobKey.sha256(new Digest(i * 31L, i, -i, i * 7L)), -1), 1 << 20);
    }
    // Ghosts of as much as the policy ever remembers.
    for (int i = 0; i < count; i++) {
      UnitId victim = big.victim(any -> true).orElseThrow();
      big.removed(victim);
      big.admitted(new UnitId(BlobKey.origin(new Digest(i * 17L, i, -i, i * 3L)), i), 1 << 20);
    }
    long cost = usedHeap(runtime) - before;
    assertEquals(count, big.size());
    assertTrue(cost <= 66L << 20, "a million units cost " + cost);
    assertTrue(cost >= 40L << 20, "the measure is wrong: " + cost);
  }

  private static long usedHeap(Runtime runtime) {
    for (int i = 0; i < 4; i++) {
      System.gc();
    }
    return runtime.totalMemory() - runtime.freeMemory();
  }

  @Test
  void savedOrderHasGoldenBytes() throws IOException {
    goldenPolicy();
    assertEquals(GOLDEN, HexFormat.of().formatHex(save(policy)));
  }

  @Test
  void readsVersion1AndGoesOn() throws IOException {
    goldenPolicy();
    EvictionPolicy loaded =
        EvictionPolicy.load(new ByteArrayInputStream(HexFormat.of().parseHex(GOLDEN)));
    assertEquals(policy.bytes(), loaded.bytes());
    while (policy.size() > 0) {
      UnitId victim = policy.victim(any -> true).orElseThrow();
      assertEquals(Optional.of(victim), loaded.victim(any -> true));
      policy.removed(victim);
      loaded.removed(victim);
    }
    assertEquals(0, loaded.size());
  }

  /** Units in all three queues, used and not, and a ghost. */
  private void goldenPolicy() {
    for (int i = 0; i < 6; i++) {
      Digest digest = new Digest(i, 2, 3, 4);
      policy.admitted(
          i % 2 == 0 ? new UnitId(BlobKey.origin(digest), i) : UnitId.whole(BlobKey.sha256(digest)),
          100L * i + 1);
    }
    policy.used(new UnitId(BlobKey.origin(new Digest(2, 2, 3, 4)), 2));
    UnitId held = UnitId.whole(BlobKey.sha256(new Digest(1, 2, 3, 4)));
    policy.removed(policy.victim(unit -> !unit.equals(held)).orElseThrow());
    policy.removed(policy.victim(unit -> !unit.equals(held)).orElseThrow());
  }

  @Test
  void damagedOrderIsRefused() throws IOException {
    goldenPolicy();
    byte[] good = save(policy);
    for (int length = 0; length < good.length; length++) {
      byte[] cut = java.util.Arrays.copyOf(good, length);
      assertEquals(ErrorCode.STORE_CORRUPT, loadFault(cut), "cut at " + length);
    }
    for (int at = 0; at < good.length; at++) {
      for (int bit = 0; bit < 8; bit++) {
        byte[] bad = good.clone();
        bad[at] ^= (byte) (1 << bit);
        ErrorCode fault = loadFault(bad);
        assertTrue(
            fault == ErrorCode.STORE_CORRUPT
                || (fault == ErrorCode.STORE_UNUSABLE
                    && (at == VERSION_AT || at == VERSION_AT - 1)),
            "bit " + bit + " of byte " + at + ": " + fault);
      }
    }
  }

  @Test
  void newerOrderIsToldApart() throws IOException {
    byte[] newer = save(policy);
    newer[VERSION_AT] = 2;
    assertEquals(ErrorCode.STORE_UNUSABLE, loadFault(newer));
  }

  @Test
  void leavesWhatFollowsInTheStream() throws IOException {
    goldenPolicy();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    policy.save(out);
    out.write(42);
    ByteArrayInputStream in = new ByteArrayInputStream(out.toByteArray());
    EvictionPolicy.load(in);
    assertArrayEquals(new byte[] {42}, in.readAllBytes());
  }

  private static ErrorCode loadFault(byte[] bytes) {
    return assertThrows(
            LarderException.class, () -> EvictionPolicy.load(new ByteArrayInputStream(bytes)))
        .code();
  }

  private static byte[] save(EvictionPolicy policy) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    policy.save(out);
    return out.toByteArray();
  }

  private static UnitId unit(int number) {
    return UnitId.whole(BlobKey.sha256(new Digest(number, 0, 0, 0)));
  }

  private void admit(int first, int count) {
    for (int i = first; i < first + count; i++) {
      policy.admitted(unit(i), 1);
    }
  }

  private List<Integer> evict(int count) {
    List<Integer> out = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      UnitId victim = policy.victim(any -> true).orElseThrow();
      policy.removed(victim);
      out.add((int) victim.key().digest().a());
    }
    return out;
  }
}
