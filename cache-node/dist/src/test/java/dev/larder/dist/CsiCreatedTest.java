package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import csi.v1.ControllerGrpc;
import csi.v1.Csi.CapacityRange;
import csi.v1.Csi.CreateVolumeRequest;
import csi.v1.Csi.DeleteVolumeRequest;
import csi.v1.Csi.ListVolumesRequest;
import csi.v1.Csi.ValidateVolumeCapabilitiesRequest;
import csi.v1.Csi.Volume;
import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Created volumes, where the provisioner's calls may come to any node. */
class CsiCreatedTest {
  @TempDir Path directory;
  private CsiNode csi;
  private ControllerGrpc.ControllerBlockingStub controller;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    csi = CsiNode.start(directory, "csi.volumes-max=2");
    controller = csi.controllerCalls();
  }

  @AfterEach
  void stop() throws Exception {
    if (csi != null) {
      csi.close();
    }
  }

  @Test
  void aViewFollowsFromItsRequestAndIsNotedNowhere() throws Exception {
    // Many more than volumes can be published here.
    for (int i = 0; i < 10; i++) {
      Volume made = create("pvc-" + i, Map.of("dataset", "data"));
      assertTrue(made.getVolumeId().startsWith("view-pvc-" + i + "-"), made.getVolumeId());
      assertEquals(made, create("pvc-" + i, Map.of("dataset", "data")));
    }
    Volume part = create("pvc-0", Map.of("dataset", "data", "subPath", "large"));
    Volume view = create("pvc-0", Map.of("dataset", "data"));
    assertNotEquals(view.getVolumeId(), part.getVolumeId());
    assertEquals(List.of(), notes());
    assertEquals(List.of(), listed());
    assertTrue(isConfirmed(view.getVolumeId(), view.getVolumeContextMap()));
    assertEquals(Code.NOT_FOUND, refusal(view.getVolumeId(), Map.of("dataset", "nowhere")));
    assertEquals(Code.NOT_FOUND, refusal(view.getVolumeId(), Map.of()));

    Path target = csi.target("pod-a", "claim");
    var unused =
        csi.nodeCalls()
            .nodePublishVolume(
                CsiNode.persistent(part.getVolumeId(), target)
                    .putAllVolumeContext(part.getVolumeContextMap())
                    .build());
    assertArrayEquals(
        csi.files.get("large/other.bin"), Files.readAllBytes(target.resolve("other.bin")));
    var unusedToo =
        csi.nodeCalls().nodeUnpublishVolume(CsiNode.unpublish(part.getVolumeId(), target));
    delete(part.getVolumeId());
    delete(view.getVolumeId());
    delete("view-of-a-former-version");
  }

  @Test
  void whatAnotherNodeDeletedIsForgottenAndCanBeCreatedAgain() throws Exception {
    String origin = csi.source.resolve("many").toUri().toString();
    for (int i = 0; i < 3; i++) {
      Volume made = create("pvc-" + i, Map.of("origin", origin));
      assertEquals(List.of("vol-pvc-" + i + ".json"), notes());
      assertEquals(List.of("vol-pvc-" + i), listed());
      // As a DeleteVolume through another node does.
      try (LarderClient client = csi.node.connect()) {
        client.control().delete(made.getVolumeId());
      }
      assertEquals(List.of(), listed());
    }
    Volume again = create("pvc-0", Map.of("origin", origin, "warm", "all"));
    assertEquals("vol-pvc-0", again.getVolumeId());
    assertEquals(List.of("vol-pvc-0"), listed());
    StatusRuntimeException other =
        assertThrows(StatusRuntimeException.class, () -> create("pvc-0", Map.of("origin", origin)));
    assertEquals(Code.ALREADY_EXISTS, other.getStatus().getCode(), other.toString());
    delete(again.getVolumeId());
    assertEquals(List.of(), notes());
  }

  @Test
  void aLimitThatIsTooSmallDeletesNoVolumeThatWasThere() throws Exception {
    String origin = csi.source.resolve("many").toUri().toString();
    Volume made = create("pvc-0", Map.of("origin", origin));
    // A node that did not create it knows nothing of the request.
    Files.delete(csi.directory.resolve("node/data/agent/csi/vol-pvc-0.json"));
    csi.node.kill();
    csi.node.startAgain();
    controller = csi.controllerCalls();
    CreateVolumeRequest small =
        request("pvc-0", Map.of("origin", origin))
            .setCapacityRange(CapacityRange.newBuilder().setLimitBytes(1))
            .build();
    StatusRuntimeException e =
        assertThrows(StatusRuntimeException.class, () -> controller.createVolume(small));
    assertEquals(Code.OUT_OF_RANGE, e.getStatus().getCode(), e.toString());
    assertEquals(List.of(made.getVolumeId()), listed());
    delete(made.getVolumeId());
  }

  private static CreateVolumeRequest.Builder request(String name, Map<String, String> parameters) {
    return CreateVolumeRequest.newBuilder()
        .setName(name)
        .addVolumeCapabilities(CsiNode.capability())
        .putAllParameters(parameters);
  }

  private Volume create(String name, Map<String, String> parameters) {
    return controller.createVolume(request(name, parameters).build()).getVolume();
  }

  private void delete(String id) {
    var unused = controller.deleteVolume(DeleteVolumeRequest.newBuilder().setVolumeId(id).build());
  }

  private boolean isConfirmed(String id, Map<String, String> context) {
    return controller
        .validateVolumeCapabilities(
            ValidateVolumeCapabilitiesRequest.newBuilder()
                .setVolumeId(id)
                .putAllVolumeContext(context)
                .addVolumeCapabilities(CsiNode.capability())
                .build())
        .hasConfirmed();
  }

  private Code refusal(String id, Map<String, String> context) {
    StatusRuntimeException e =
        assertThrows(StatusRuntimeException.class, () -> isConfirmed(id, context));
    return e.getStatus().getCode();
  }

  private List<String> listed() {
    return controller.listVolumes(ListVolumesRequest.getDefaultInstance()).getEntriesList().stream()
        .map(entry -> entry.getVolume().getVolumeId())
        .toList();
  }

  private List<String> notes() throws IOException {
    Path notes = csi.directory.resolve("node/data/agent/csi");
    if (!Files.exists(notes)) {
      return List.of();
    }
    try (var all = Files.list(notes)) {
      return all.map(each -> each.getFileName().toString()).sorted().toList();
    }
  }
}
