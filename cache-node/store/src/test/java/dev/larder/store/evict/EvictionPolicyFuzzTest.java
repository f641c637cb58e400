package dev.larder.store.evict;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.store.Seeds;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.RepeatedTest;

/** Random calls against a map: no byte and no unit is lost, and a victim is one that may go. */
class EvictionPolicyFuzzTest {
  private static final int STEPS = 20_000;
  private static final int NAMES = 400;

  private final Map<UnitId, Long> model = new HashMap<>();
  private final Set<UnitId> held = new HashSet<>();
  private EvictionPolicy policy = EvictionPolicy.create();

  @RepeatedTest(20)
  void agreesWithAMap() throws IOException {
    long seed = Seeds.next();
    Random random = new Random(seed);
    for (int step = 0; step < STEPS; step++) {
      String where = "seed " + seed + " step " + step;
      UnitId unit = name(random);
      switch (random.nextInt(16)) {
        case 0, 1, 2, 3 -> admit(unit, 1L << random.nextInt(40));
        case 4, 5, 6 -> policy.used(unit);
        case 7 -> resize(unit, random.nextInt(100));
        case 8 -> remove(unit);
        case 9 -> held.add(unit);
        case 10, 11 -> release(unit, random.nextBoolean());
        case 12 -> assertEquals(model.containsKey(unit), policy.contains(unit), where);
        case 13, 14 -> evict(where);
        default -> {
          if (random.nextInt(200) == 0) {
            policy = copy(policy);
          }
        }
      }
      assertEquals(model.size(), policy.size(), where);
      assertEquals(model.values().stream().mapToLong(bytes -> bytes).sum(), policy.bytes(), where);
    }
    drain("seed " + seed);
  }

  private static UnitId name(Random random) {
    UnitId whole = TraceRun.unit(random.nextInt(NAMES / 4));
    return new UnitId(whole.key(), random.nextInt(4) - 1);
  }

  private void admit(UnitId unit, long bytes) {
    model.put(unit, bytes);
    policy.admitted(unit, bytes);
  }

  private void resize(UnitId unit, long bytes) {
    model.replace(unit, bytes);
    policy.resized(unit, bytes);
  }

  private void remove(UnitId unit) {
    model.remove(unit);
    policy.removed(unit);
  }

  private void release(UnitId unit, boolean told) {
    held.remove(unit);
    if (told) {
      policy.released(unit);
    }
  }

  private void evict(String where) {
    Optional<UnitId> victim = policy.victim(unit -> !held.contains(unit));
    boolean any = model.keySet().stream().anyMatch(unit -> !held.contains(unit));
    assertEquals(any, victim.isPresent(), where);
    victim.ifPresent(unit -> {
      assertTrue(model.containsKey(unit), where);
      assertFalse(held.contains(unit), where);
      assertEquals(victim, policy.victim(each -> !held.contains(each)), where);
      remove(unit);
    });
  }

  /** Every unit can be named in the end: none hides. */
  private void drain(String where) {
    held.clear();
    while (!model.isEmpty()) {
      evict(where);
    }
    assertEquals(0, policy.size(), where);
    assertEquals(0, policy.bytes(), where);
  }

  /** A saved and loaded policy must go on as if nothing had happened. */
  private static EvictionPolicy copy(EvictionPolicy policy) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    policy.save(out);
    EvictionPolicy loaded = EvictionPolicy.load(new ByteArrayInputStream(out.toByteArray()));
    ByteArrayOutputStream again = new ByteArrayOutputStream();
    loaded.save(again);
    org.junit.jupiter.api.Assertions.assertArrayEquals(out.toByteArray(), again.toByteArray());
    return loaded;
  }
}
