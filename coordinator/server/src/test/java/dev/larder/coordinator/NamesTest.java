package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.api.CoordinatorClient;
import dev.larder.coordinator.api.CoordinatorClient.Attendance;
import dev.larder.coordinator.api.CoordinatorClient.AttendanceListener;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.GrpcCoordinatorClient;
import dev.larder.coordinator.api.HoldingReport;
import dev.larder.coordinator.api.MemberInfo;
import dev.larder.coordinator.api.NewPin;
import dev.larder.coordinator.api.NodeNames;
import dev.larder.coordinator.api.Role;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.coordinator.tls.DevCa;
import dev.larder.protocol.DatasetName;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.protocol.Trust;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** An agent speaks for the nodes that its certificate names, and for no other. */
@Timeout(120)
class NamesTest {
  private static final DatasetName NAME = new DatasetName("data");
  private static final HoldingReport ALIVE = new HoldingReport(List.of(), List.of(), true, 0);

  @TempDir Path data;

  private static final AttendanceListener DEAF =
      new AttendanceListener() {
        @Override
        public void epoch(long epoch) {}

        @Override
        public void ended(LarderException cause) {}
      };

  @Test
  void nobodyActsForAnotherNodeThanItsOwn() throws Exception {
    DevCa ca = DevCa.create(data.resolve("tls"), Clock.systemUTC());
    try (CoordinatorServer server = start(ca);
        CoordinatorClient a = connect(server, ca.agent("node-a"));
        CoordinatorClient b = connect(server, ca.agent("node-b"));
        CoordinatorClient c = connect(server, ca.material(Role.CLIENT))) {
      a.join(Samples.member("node-a", "z1"));
      b.join(Samples.member("node-b", "z1"));
      b.createDataset(NAME, "file:///d", Map.of());
      NewPin pin = new NewPin(NAME, 0, "g", Optional.empty(), "node-a", 0, 0);
      a.pin(pin);
      try (Attendance attendance = a.attend("node-a", DEAF)) {
        attendance.report(
            new HoldingReport(List.of(Samples.key(1), Samples.key(2)), List.of(), true, 1));
        final long epoch = a.members().epoch();

        assertRefused(() -> b.join(Samples.member("node-a", "elsewhere")));
        assertRefused(() -> b.attend("node-a", DEAF).report(ALIVE));
        assertRefused(ErrorCode.BAD_REQUEST, () -> b.leave("node-a"));
        assertRefused(() -> b.recordRoots(List.of(Samples.root(3, 1, Trust.VERIFIED))));
        assertRefused(() -> b.work("node-a"));
        assertRefused(() -> b.pin(pin));
        assertRefused(ErrorCode.BAD_REQUEST, () -> b.unpin(NAME, 0, "g", "node-a"));
        assertRefused(() -> b.movePin(pin, "node-b"));

        Map<String, Long> refused = server.refused();
        assertEquals(6, refused.get("name"), refused.toString());
        assertEquals(0, refused.get("role"), refused.toString());
        assertRefused(() -> c.join(Samples.member("node-b", "elsewhere")));
        assertEquals(1, server.refused().get("role"));

        assertEquals(epoch, a.members().epoch());
        assertEquals("z1", a.members().members().getFirst().zone());
        assertEquals(List.of("node-a"), b.holders(Samples.key(1)));
        assertEquals(Map.of(), b.roots(List.of(Samples.key(3))));
        assertEquals("node-a", b.pins().getFirst().pin().owner());
        attendance.report(ALIVE);
        a.recordRoots(List.of(Samples.root(3, 1, Trust.VERIFIED)));
      }
      // What is left of a node that is gone may be taken away by a person at any other one.
      TestGroup.await("node-a is known to be gone", () -> leaves(b, "node-a"));
      assertEquals(List.of("node-b"), b.members().members().stream().map(MemberInfo::id).toList());
      assertTrue(b.unpin(NAME, 0, "g", "node-a"));
    }
  }

  @Test
  void aCertificateThatNamesNoNodeOrAllIsToldWhatItLacks() {
    DevCa ca = DevCa.create(data.resolve("tls"), Clock.systemUTC());
    try (CoordinatorServer server = start(ca);
        CoordinatorClient nobody = connect(server, ca.material(Role.AGENT));
        CoordinatorClient anybody = connect(server, ca.agent(NodeNames.ANY))) {
      String none = assertRefused(() -> nobody.join(Samples.member("node-a", "")));
      assertTrue(none.contains("names no node") && none.contains("larder://node/node-a"), none);
      String all = assertRefused(() -> anybody.join(Samples.member("node-a", "")));
      assertTrue(all.contains("tls.shared-nodes"), all);
      assertEquals(List.of(), nobody.members().members());
    }
  }

  @Test
  void oneThatNamesAllIsBelievedWhereThatIsAllowed() {
    try (TestCoordinator coordinator = TestCoordinator.start(data);
        CoordinatorClient anybody = coordinator.grpc(coordinator.ca().agent(NodeNames.ANY));
        CoordinatorClient two = coordinator.grpc(coordinator.ca().agent("node-a", "node-b"))) {
      anybody.join(Samples.member("node-x", ""));
      two.join(Samples.member("node-a", ""));
      two.join(Samples.member("node-b", ""));
      // It is allowed to those alone whose certificate says so.
      assertRefused(() -> two.join(Samples.member("node-x", "")));
      assertEquals(3, two.members().members().size());
    }
  }

  private CoordinatorServer start(DevCa ca) {
    return CoordinatorServer.start(
        TestCoordinator.config(data, TestCoordinator.defaults(), ca.material(Role.COORDINATOR)),
        Clock.systemUTC());
  }

  private static CoordinatorClient connect(CoordinatorServer server, TlsMaterial tls) {
    return GrpcCoordinatorClient.connect(
        CoordinatorClientConfig.of("127.0.0.1", server.address().getPort()), tls);
  }

  private static boolean leaves(CoordinatorClient client, String id) {
    try {
      client.leave(id);
      return true;
    } catch (LarderException e) {
      assertEquals(ErrorCode.BAD_REQUEST, e.code());
      return false;
    }
  }

  private static String assertRefused(Executable call) {
    return assertRefused(ErrorCode.UNAUTHENTICATED, call);
  }

  private static String assertRefused(ErrorCode code, Executable call) {
    LarderException refused = assertThrows(LarderException.class, call);
    assertEquals(code, refused.code(), refused.toString());
    return String.valueOf(refused.getMessage());
  }
}
