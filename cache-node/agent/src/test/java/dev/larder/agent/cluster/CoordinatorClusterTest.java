package dev.larder.agent.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.FakeCoordinator;
import dev.larder.coordinator.api.MemberChange;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.MemberList;
import dev.larder.coordinator.api.MemberState;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Views follow lists and changes, only forward, and stay while the coordinator is away. */
class CoordinatorClusterTest {
  private static MemberInfo member(String id, long weight) {
    return new MemberInfo(
        id,
        id + ":7451",
        "z1",
        Map.of(),
        weight << 30,
        Instant.EPOCH,
        Instant.EPOCH,
        weight > 0 ? MemberState.ACTIVE : MemberState.JOINING,
        weight);
  }

  @Test
  void viewsFollowListsAndChanges() throws Exception {
    FakeCoordinator coordinator = new FakeCoordinator();
    try (CoordinatorCluster cluster = new CoordinatorCluster("a", coordinator)) {
      BlockingQueue<ClusterView> heard = new LinkedBlockingQueue<>();
      cluster.onView(view -> {
        throw new IllegalStateException("for the test");
      });
      cluster.onView(heard::add);
      assertEquals(0, cluster.view().epoch());
      assertFalse(
          cluster.change(new MemberChange(4, 5, List.of(member("a", 1)), List.of())),
          "a change of a list that is not here needs the list");
      cluster.list(new MemberList(5, List.of(member("a", 1), member("b", 0))));
      assertEquals(5, heard.poll(10, TimeUnit.SECONDS).epoch());
      assertEquals(0, cluster.view().peer("b").orElseThrow().weight());
      assertTrue(
          cluster.change(
              new MemberChange(5, 7, List.of(member("b", 2), member("c", 1)), List.of("a"))));
      assertEquals(7, heard.poll(10, TimeUnit.SECONDS).epoch());
      assertEquals(java.util.Set.of("b", "c"), cluster.view().peers().keySet());
      assertEquals(2, cluster.view().peer("b").orElseThrow().weight());
      assertTrue(cluster.change(new MemberChange(5, 6, List.of(), List.of())), "old is no news");
      cluster.list(new MemberList(6, List.of()));
      assertEquals(7, cluster.view().epoch(), "an older list is passed over");

      coordinator.away(true);
      assertEquals(7, cluster.view().epoch());
      assertEquals(2, cluster.view().peers().size());
      assertEquals("a", cluster.self());
    }
    assertEquals(7, new CoordinatorClusterTest().after(coordinator));
  }

  private long after(FakeCoordinator coordinator) {
    CoordinatorCluster closed = new CoordinatorCluster("a", coordinator);
    closed.close();
    closed.list(new MemberList(7, List.of(member("a", 1))));
    LarderException e =
        assertThrows(LarderException.class, () -> coordinator.datasets().forEach(d -> {}));
    assertEquals(ErrorCode.COORDINATOR_UNAVAILABLE, e.code());
    return closed.view().epoch();
  }
}
