package dev.larder.coordinator.service;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PermitTest {
  private final AtomicInteger released = new AtomicInteger();
  private final Permit permit = new Permit(released::incrementAndGet);

  @Test
  void aCancelledCallKeepsItsPlaceUntilItsWorkIsDone() {
    permit.enter();
    permit.end();
    assertEquals(0, released.get(), "its handler still works");
    permit.end();
    permit.leave();
    assertEquals(1, released.get());
    permit.end();
    permit.enter();
    permit.leave();
    assertEquals(1, released.get(), "once");
  }

  @Test
  void workThatEndsBeforeItsCallDoesKeepsThePlace() {
    permit.enter();
    permit.leave();
    assertEquals(0, released.get(), "a stream waits for its next report");
    permit.end();
    assertEquals(1, released.get());
  }
}
