package dev.larder.containers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Who is let in at which door, and certificates that are renewed under readers. */
@ExtendWith(SharedRig.class)
@Timeout(240)
class CertificatesTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int MIB = 1 << 20;

  @Test
  void eachDoorTakesItsOwnRolesOnly(Rig rig) throws Exception {
    Map<Integer, Set<String>> roles =
        Map.of(
            Rig.PEER_PORT, Set.of("agent"),
            Rig.RAFT_PORT, Set.of("coordinator"),
            Rig.DOOR_PORT, Set.of("agent", "coordinator", "client"));
    for (String role : List.of("agent", "coordinator", "client")) {
      String file = role.equals("agent") ? "agent-1" : role;
      TlsMaterial material = DoorProbe.material(rig.certs(rig.authority()), file);
      roles.forEach((port, allowed) -> {
        String address =
            port == Rig.PEER_PORT ? rig.box("agent-1").lastAddress() : rig.box("c1").address();
        assertEquals(
            allowed.contains(role),
            DoorProbe.isLetIn(address, port, material),
            role + " at the door " + port);
      });
    }
    // A client may ask, and not say that it is a node.
    CoordinatorClientConfig config =
        CoordinatorClientConfig.of(
            Rig.COORDINATORS.stream()
                .map(id -> rig.box(id).address() + ":" + Rig.DOOR_PORT)
                .toList());
    try (CoordinatorClient client =
        GrpcCoordinatorClient.connect(
            config, DoorProbe.material(rig.certs(rig.authority()), "client"))) {
      assertEquals(4, client.members().members().size());
      LarderException refused =
          assertThrows(
              LarderException.class,
              () ->
                  client.join(
                      MemberInfo.joining("intruder", "10.0.0.1:7451", "", Map.of(), 1L << 40)));
      assertEquals(ErrorCode.UNAUTHENTICATED, refused.code(), refused.toString());
    }
    // Nor may an agent say that it is another one.
    try (CoordinatorClient agent =
        GrpcCoordinatorClient.connect(
            config, DoorProbe.material(rig.certs(rig.authority()), "agent-1"))) {
      for (String other : List.of("agent-2", "intruder")) {
        LarderException refused =
            assertThrows(
                LarderException.class,
                () ->
                    agent.join(MemberInfo.joining(other, "10.0.0.1:7451", "", Map.of(), 1L << 40)));
        assertEquals(ErrorCode.UNAUTHENTICATED, refused.code(), refused.toString());
      }
    }
    assertFalse(rig.nodes("agent-1").containsKey("intruder"));
  }

  @Test
  void anotherAuthorityTakesOverUnderReaders(Rig rig) throws Exception {
    String old = rig.authority();
    String fresh = old.equals("ca-1") ? "ca-2" : "ca-1";
    Dataset steady = rig.steady();
    Dataset cold = rig.create("agent-1", "rotated", 1, 40 * MIB);
    rig.certificates(fresh);
    try (Readers readers = Readers.start(rig, steady, Rig.AGENTS)) {
      Links.slow(rig.origin().box(), "60mbit");
      Burst burst = Burst.start(rig, cold, Rig.AGENTS);
      rig.whileReread(() -> rig.trust(old, fresh));
      rig.whileReread(() -> rig.identify(fresh));
      rig.whileReread(() -> rig.trust(fresh));
      rig.authority(fresh);
      Links.fast(rig.origin().box());
      burst.awaitRight(Rig.AGENTS);
      assertEquals(cold.bytes(), rig.origin().sentBytes(cold.name()), "and still once");
      readers.check();

      assertLetIn(rig, fresh, true);
      assertLetIn(rig, old, false);

      // Connections that stood go on; who comes anew has to be let in by the new files alone.
      String leader = rig.leader("agent-1");
      rig.box(leader).kill();
      Until.holds("another leads", PATIENCE, () -> !rig.leader("agent-1").equals(leader));
      rig.box(leader).startAgain();
      rig.awaitWell();
      readers.check();
    } finally {
      Links.fast(rig.origin().box());
    }
    rig.box("agent-4").kill();
    rig.box("agent-4").startAgain();
    rig.awaitWell();
    Dataset after = rig.create("agent-4", "after-rotation", 2, 3 * MIB);
    Burst.start(rig, after, Rig.AGENTS).awaitRight(Rig.AGENTS);
    long sent = rig.origin().sentBytes(after.name());
    assertTrue(sent <= after.bytes(), sent + " bytes: nodes do not let each other in");
  }

  /** All doors, of all processes that have one. */
  private static void assertLetIn(Rig rig, String authority, boolean expected) {
    for (String id : Rig.COORDINATORS) {
      String address = rig.box(id).address();
      TlsMaterial coordinator = DoorProbe.material(rig.certs(authority), "coordinator");
      assertEquals(
          expected, DoorProbe.isLetIn(address, Rig.RAFT_PORT, coordinator), id + " between them");
      assertEquals(expected, DoorProbe.isLetIn(address, Rig.DOOR_PORT, coordinator), id);
    }
    for (String id : Rig.AGENTS) {
      TlsMaterial agent = DoorProbe.material(rig.certs(authority), id);
      assertEquals(
          expected, DoorProbe.isLetIn(rig.box(id).lastAddress(), Rig.PEER_PORT, agent), id);
    }
  }
}
