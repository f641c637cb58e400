package dev.larder.csi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.DatasetName;
import dev.larder.testkit.FakeClock;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeftoversTest {
  private static final Duration KEEP = Duration.ofHours(1);
  private static final DatasetName ONE = new DatasetName("csi-" + "1".repeat(32));
  private static final DatasetName TWO = new DatasetName("csi-" + "2".repeat(32));

  @TempDir Path directory;
  private final FakeClock clock = new FakeClock();
  private final List<DatasetName> deleted = new ArrayList<>();

  private Leftovers open() {
    Leftovers leftovers = new Leftovers(directory.resolve("made"), KEEP, clock::nanos);
    leftovers.load();
    return leftovers;
  }

  private List<DatasetName> sweep(Leftovers leftovers, List<DatasetName> used, boolean isGone) {
    deleted.clear();
    leftovers.sweep(
        used::contains,
        name -> {
          deleted.add(name);
          return isGone;
        });
    return List.copyOf(deleted);
  }

  @Test
  void whatNoVolumeUsedForAWhileIsTakenAwayOnce() {
    Leftovers leftovers = open();
    leftovers.used(ONE);
    leftovers.used(TWO);
    clock.advance(KEEP);
    assertEquals(List.of(ONE), sweep(leftovers, List.of(TWO), true));
    assertEquals(List.of(), sweep(leftovers, List.of(), true), "it was in use just now");
    clock.advance(KEEP);
    assertEquals(List.of(TWO), sweep(leftovers, List.of(), true));
    clock.advance(KEEP);
    assertEquals(List.of(), sweep(leftovers, List.of(), true));
    assertEquals(List.of(), sweep(open(), List.of(), true), "the note is gone too");
  }

  @Test
  void whatCannotBeDeletedIsTriedAgain() {
    Leftovers leftovers = open();
    leftovers.used(ONE);
    clock.advance(KEEP);
    assertEquals(List.of(ONE), sweep(leftovers, List.of(), false));
    assertEquals(List.of(ONE), sweep(leftovers, List.of(), true));
  }

  @Test
  void theNextAgentKnowsThem() {
    open().used(ONE);
    Leftovers next = open();
    assertEquals(List.of(), sweep(next, List.of(), true), "its time begins anew");
    clock.advance(KEEP);
    assertEquals(List.of(ONE), sweep(next, List.of(), true));
  }

  @Test
  void aNoteOfAFailedTryIsTakenBackAndTheOldestIsFirst() {
    Leftovers leftovers = open();
    assertTrue(leftovers.note(ONE));
    assertFalse(leftovers.note(ONE));
    leftovers.forget(ONE);
    assertEquals(0, open().size());
    leftovers.used(ONE);
    clock.advance(Duration.ofSeconds(1));
    leftovers.used(TWO);
    assertEquals(List.of(ONE, TWO), leftovers.oldestFirst());
    clock.advance(Duration.ofSeconds(1));
    leftovers.used(ONE);
    assertEquals(List.of(TWO, ONE), leftovers.oldestFirst());
  }
}
