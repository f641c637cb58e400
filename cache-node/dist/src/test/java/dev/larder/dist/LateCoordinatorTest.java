package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.CoordinatorConfig;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls that come before the coordinator does. */
class LateCoordinatorTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  @TempDir Path directory;

  @Test
  void aCallWaitsForTheStart() throws Exception {
    try (LateCoordinator late = new LateCoordinator(LONG)) {
      CompletableFuture<List<?>> asked = CompletableFuture.supplyAsync(late::datasets);
      assertFalse(asked.isDone());
      CoordinatorServer server = late.start(this::startOne);
      assertEquals(List.of(), asked.get(30, TimeUnit.SECONDS));
      assertEquals(0, late.members().members().size());
      late.close();
      assertEquals(0, server.openHandles(), "closed with it");
    }
  }

  @Test
  void aStartThatFailsIsToldToWhoWaits() {
    try (LateCoordinator late = new LateCoordinator(LONG)) {
      CompletableFuture<ErrorCode> asked =
          CompletableFuture.supplyAsync(() -> fault(late::datasets).code());
      LarderException fault = new LarderException(ErrorCode.STORE_CORRUPT, "for the test");
      assertSame(
          fault,
          assertThrows(
              LarderException.class,
              () ->
                  late.start(() -> {
                    throw fault;
                  })));
      assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, asked.orTimeout(30, TimeUnit.SECONDS).join());
      assertTrue(fault(late::status).getMessage().contains("for the test"));
    }
  }

  @Test
  void nobodyWaitsForEver() {
    LateCoordinator late = new LateCoordinator(Duration.ofMillis(50));
    assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, fault(late::datasets).code());
    late.close();
    LateCoordinator closed = new LateCoordinator(LONG);
    closed.close();
    assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, fault(closed::datasets).code());
  }

  @Test
  void whoIsInterruptedStopsWaiting() {
    try (LateCoordinator late = new LateCoordinator(LONG)) {
      Thread.currentThread().interrupt();
      assertEquals(ErrorCode.CANCELLED, fault(late::datasets).code());
      assertTrue(Thread.interrupted(), "the flag stays set");
    }
  }

  private CoordinatorServer startOne() {
    DevCa ca = DevCa.create(directory.resolve("tls"), Clock.systemUTC());
    return CoordinatorServer.start(
        CoordinatorConfig.alone(
            directory.resolve("coordinator"), ca.material(Role.COORDINATOR), Limits.defaults()));
  }

  private static LarderException fault(org.junit.jupiter.api.function.Executable call) {
    return assertThrows(LarderException.class, call);
  }
}
