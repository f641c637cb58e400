package dev.larder.keeper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.keeper.wire.Request;
import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import dev.larder.testkit.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Turns and the gate: who may change what at the same time. */
class TurnsTest {
  @Test
  void oneKeyIsOnesOwnAtATime() throws Exception {
    Turns turns = new Turns(5_000_000);
    try (Turns.Turn a = turns.take("a", "b", "a");
        Turns.Turn c = turns.take("c")) {
      LinuxException busy = assertThrows(LinuxException.class, () -> turns.take("d", "b"));
      assertEquals(Errno.EBUSY, busy.errno());
      turns.take("d").close();
    }
    turns.take("a", "b", "c", "d").close();
  }

  @Test
  void manyTakersOfSomeKeysAllComeThrough() {
    Seeds.run(random -> {
      Turns turns = new Turns(60_000_000_000L);
      AtomicInteger[] users = new AtomicInteger[5];
      for (int i = 0; i < users.length; i++) {
        users[i] = new AtomicInteger();
      }
      AtomicReference<Throwable> fault = new AtomicReference<>();
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < 6; t++) {
        long seed = random.nextLong();
        threads.add(
            Thread.ofPlatform()
                .start(() -> {
                  java.util.Random own = new java.util.Random(seed);
                  try {
                    for (int i = 0; i < 500; i++) {
                      int one = own.nextInt(users.length);
                      int other = (one + 1 + own.nextInt(4)) % users.length;
                      try (Turns.Turn turn = turns.take("" + one, "" + other)) {
                        assertEquals(1, users[one].incrementAndGet());
                        assertEquals(1, users[other].incrementAndGet());
                        Thread.onSpinWait();
                        users[one].decrementAndGet();
                        users[other].decrementAndGet();
                      }
                    }
                  } catch (Throwable e) {
                    fault.set(e);
                  }
                }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertNull(fault.get(), () -> "seen " + fault.get());
    });
  }

  @Test
  void aShutGateWaitsForThoseInside() throws Exception {
    Gate gate = new Gate();
    Gate.Pass inside = gate.enter(new Request.Restore());
    assertNotNull(inside);
    Thread shutter =
        Thread.ofPlatform()
            .start(() -> {
              try {
                gate.shut();
              } catch (LinuxException e) {
                throw new AssertionError(e);
              }
            });
    Waiting.until("nobody is let in", () -> probe(gate));
    assertTrue(shutter.isAlive());
    inside.close();
    shutter.join();
    assertNull(gate.enter(new Request.Restore()));
    LinuxException again = assertThrows(LinuxException.class, gate::shut);
    assertEquals(Errno.EBUSY, again.errno());
    assertFalse(shutter.isAlive());
  }

  private static boolean probe(Gate gate) {
    Gate.Pass pass = gate.enter(new Request.Restore());
    if (pass != null) {
      pass.close();
    }
    return pass == null;
  }
}
