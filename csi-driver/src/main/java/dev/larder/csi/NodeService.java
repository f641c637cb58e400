package dev.larder.csi;

import csi.v1.Csi.NodeGetCapabilitiesRequest;
import csi.v1.Csi.NodeGetCapabilitiesResponse;
import csi.v1.Csi.NodeGetInfoRequest;
import csi.v1.Csi.NodeGetInfoResponse;
import csi.v1.Csi.NodeGetVolumeStatsRequest;
import csi.v1.Csi.NodeGetVolumeStatsResponse;
import csi.v1.Csi.NodePublishVolumeRequest;
import csi.v1.Csi.NodePublishVolumeResponse;
import csi.v1.Csi.NodeServiceCapability;
import csi.v1.Csi.NodeUnpublishVolumeRequest;
import csi.v1.Csi.NodeUnpublishVolumeResponse;
import csi.v1.Csi.VolumeUsage;
import csi.v1.NodeGrpc;
import dev.larder.csi.Calls.Kind;
import dev.larder.csi.Volume.Usage;
import dev.larder.csi.Volumes.Publication;
import dev.larder.protocol.LarderException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Volumes of the pods of this node. */
final class NodeService extends NodeGrpc.NodeImplBase {
  private static final String EPHEMERAL = "csi.storage.k8s.io/ephemeral";
  private static final String POD = "csi.storage.k8s.io/pod.";

  private final CsiConfig config;
  private final Volumes volumes;
  private final Pods pods;
  private final Calls calls;

  NodeService(CsiConfig config, Volumes volumes, Pods pods, Calls calls) {
    this.config = config;
    this.volumes = volumes;
    this.pods = pods;
    this.calls = calls;
  }

  @Override
  public void nodePublishVolume(
      NodePublishVolumeRequest request, StreamObserver<NodePublishVolumeResponse> out) {
    String what = what("NodePublishVolume", request.getVolumeId()) + pod(request);
    calls.publish(
        out,
        PodRef.of(request.getVolumeContextMap()),
        request.getVolumeId(),
        what,
        gone -> {
          volumes.publish(publication(request), gone);
          return NodePublishVolumeResponse.getDefaultInstance();
        });
  }

  private Publication publication(NodePublishVolumeRequest request) {
    Optional<PodRef> pod = PodRef.of(request.getVolumeContextMap());
    try {
      return publication(request, pod);
    } catch (LarderException | StatusRuntimeException e) {
      pods.publishFailed(pod, request.getVolumeId(), e);
      throw e;
    }
  }

  private Publication publication(NodePublishVolumeRequest request, Optional<PodRef> pod) {
    String id = VolumeIds.checked(request.getVolumeId());
    Path target = Targets.checked(request.getTargetPath());
    if (!request.hasVolumeCapability()) {
      throw Statuses.invalid("volume_capability is missing");
    }
    Capabilities.require(request.getVolumeCapability());
    Map<String, String> context = new HashMap<>(request.getVolumeContextMap());
    String ephemeral = context.get(EPHEMERAL);
    // Without kubelet's word the id has to do: attributes of pods must not pass as administrators'.
    boolean isInline = VolumeIds.isInline(id) || "true".equals(ephemeral);
    return new Publication(
        id,
        target,
        VolumeAttributes.parse(context, id, isInline, config.inlineOrigins()),
        Capabilities.isNoExec(request.getVolumeCapability()),
        isInline,
        Map.copyOf(request.getSecretsMap()),
        pod);
  }

  private static String what(String call, String volumeId) {
    return call + " volume=" + VolumeIds.shown(volumeId);
  }

  private static String pod(NodePublishVolumeRequest request) {
    String name = request.getVolumeContextOrDefault(POD + "name", "");
    return name.isEmpty()
        ? ""
        : " pod="
            + VolumeIds.shown(request.getVolumeContextOrDefault(POD + "namespace", ""))
            + "/"
            + VolumeIds.shown(name);
  }

  @Override
  public void nodeUnpublishVolume(
      NodeUnpublishVolumeRequest request, StreamObserver<NodeUnpublishVolumeResponse> out) {
    calls.answer(
        out,
        Kind.UNPUBLISH,
        what("NodeUnpublishVolume", request.getVolumeId()),
        () -> {
          String id = VolumeIds.checked(request.getVolumeId());
          volumes.unpublish(id, Targets.checked(request.getTargetPath()));
          return NodeUnpublishVolumeResponse.getDefaultInstance();
        });
  }

  @Override
  public void nodeGetVolumeStats(
      NodeGetVolumeStatsRequest request, StreamObserver<NodeGetVolumeStatsResponse> out) {
    calls.answer(
        out,
        what("NodeGetVolumeStats", request.getVolumeId()),
        () -> {
          String id = VolumeIds.checked(request.getVolumeId());
          Usage usage = volumes.usage(id, path(request.getVolumePath()));
          return NodeGetVolumeStatsResponse.newBuilder()
              .addUsage(usage(VolumeUsage.Unit.BYTES, usage.bytes()))
              .addUsage(usage(VolumeUsage.Unit.INODES, usage.files()))
              .build();
        });
  }

  /** A relative path is one where nothing is, so it is not refused before that is said. */
  private static Path path(String text) {
    if (text.isEmpty()) {
      throw Statuses.invalid("volume_path is missing");
    }
    if (text.startsWith("/")) {
      return Targets.checked(text);
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw Statuses.invalid("volume_path: \"" + VolumeIds.shown(text) + "\" is no path");
    }
  }

  /** Nothing more fits in: what is there is all there is. */
  private static VolumeUsage usage(VolumeUsage.Unit unit, long amount) {
    return VolumeUsage.newBuilder().setUnit(unit).setTotal(amount).setUsed(amount).build();
  }

  @Override
  public void nodeGetCapabilities(
      NodeGetCapabilitiesRequest request, StreamObserver<NodeGetCapabilitiesResponse> out) {
    calls.answer(
        out,
        "NodeGetCapabilities",
        () -> {
          NodeGetCapabilitiesResponse.Builder answer = NodeGetCapabilitiesResponse.newBuilder();
          answer
              .addCapabilitiesBuilder()
              .getRpcBuilder()
              .setType(NodeServiceCapability.RPC.Type.GET_VOLUME_STATS);
          return answer.build();
        });
  }

  @Override
  public void nodeGetInfo(NodeGetInfoRequest request, StreamObserver<NodeGetInfoResponse> out) {
    calls.answer(
        out,
        "NodeGetInfo",
        () ->
            NodeGetInfoResponse.newBuilder()
                .setNodeId(config.node())
                .setMaxVolumesPerNode(config.volumesMax())
                .build());
  }
}
