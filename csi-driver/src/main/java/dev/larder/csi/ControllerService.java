package dev.larder.csi;

import csi.v1.ControllerGrpc;
import csi.v1.Csi.ControllerGetCapabilitiesRequest;
import csi.v1.Csi.ControllerGetCapabilitiesResponse;
import csi.v1.Csi.ControllerServiceCapability;
import csi.v1.Csi.CreateVolumeRequest;
import csi.v1.Csi.CreateVolumeResponse;
import csi.v1.Csi.DeleteVolumeRequest;
import csi.v1.Csi.DeleteVolumeResponse;
import csi.v1.Csi.GetCapacityRequest;
import csi.v1.Csi.GetCapacityResponse;
import csi.v1.Csi.ListVolumesRequest;
import csi.v1.Csi.ListVolumesResponse;
import csi.v1.Csi.ValidateVolumeCapabilitiesRequest;
import csi.v1.Csi.ValidateVolumeCapabilitiesResponse;
import csi.v1.Csi.Volume;
import csi.v1.Csi.VolumeCapability;
import dev.larder.csi.Calls.Kind;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongSupplier;

/** Creates, deletes and lists volumes. */
final class ControllerService extends ControllerGrpc.ControllerImplBase {
  private static final int NAME_BYTES_MAX = 128;
  private static final String FOREIGN = "csi.storage.k8s.io/";
  private static final List<ControllerServiceCapability.RPC.Type> RPCS =
      List.of(
          ControllerServiceCapability.RPC.Type.CREATE_DELETE_VOLUME,
          ControllerServiceCapability.RPC.Type.LIST_VOLUMES,
          ControllerServiceCapability.RPC.Type.GET_CAPACITY);

  private final Provisioning volumes;
  private final LongSupplier capacityBytes;
  private final Calls calls;

  /**
   * @param capacityBytes what this node can hold
   */
  ControllerService(Provisioning volumes, LongSupplier capacityBytes, Calls calls) {
    this.volumes = volumes;
    this.capacityBytes = capacityBytes;
    this.calls = calls;
  }

  @Override
  public void controllerGetCapabilities(
      ControllerGetCapabilitiesRequest request,
      StreamObserver<ControllerGetCapabilitiesResponse> out) {
    calls.answer(
        out,
        "ControllerGetCapabilities",
        () -> {
          ControllerGetCapabilitiesResponse.Builder answer =
              ControllerGetCapabilitiesResponse.newBuilder();
          RPCS.forEach(rpc -> answer.addCapabilitiesBuilder().getRpcBuilder().setType(rpc));
          return answer.build();
        });
  }

  @Override
  public void createVolume(CreateVolumeRequest request, StreamObserver<CreateVolumeResponse> out) {
    calls.answer(
        out,
        Kind.CONTROL,
        "CreateVolume name=" + VolumeIds.shown(request.getName()),
        () ->
            CreateVolumeResponse.newBuilder()
                .setVolume(volume(volumes.create(wanted(request))))
                .build());
  }

  private static Provisioning.Wanted wanted(CreateVolumeRequest request) {
    String name = request.getName();
    if (name.isEmpty() || name.length() > NAME_BYTES_MAX) {
      throw Statuses.invalid("name is missing or longer than " + NAME_BYTES_MAX);
    }
    Capabilities.require(request.getVolumeCapabilitiesList());
    if (request.hasVolumeContentSource()) {
      throw Statuses.invalid("volume_content_source: volumes are not copied from others");
    }
    if (request.getChangeableParametersCount() > 0) {
      throw Statuses.invalid("mutable_parameters: a volume does not change");
    }
    long required = request.getCapacityRange().getRequiredBytes();
    long limit = request.getCapacityRange().getLimitBytes();
    if (required < 0 || limit < 0 || (limit > 0 && limit < required)) {
      throw Statuses.invalid("capacity_range: it holds nothing");
    }
    Map<String, String> parameters = new TreeMap<>(request.getParametersMap());
    parameters.keySet().removeIf(key -> key.startsWith(FOREIGN));
    return new Provisioning.Wanted(
        name, parameters, Map.copyOf(request.getSecretsMap()), required, limit);
  }

  private static Volume volume(Created.Entry entry) {
    return Volume.newBuilder()
        .setVolumeId(entry.volumeId())
        .setCapacityBytes(entry.capacityBytes())
        .putAllVolumeContext(entry.context())
        .build();
  }

  @Override
  public void deleteVolume(DeleteVolumeRequest request, StreamObserver<DeleteVolumeResponse> out) {
    calls.answer(
        out,
        Kind.CONTROL,
        "DeleteVolume volume=" + VolumeIds.shown(request.getVolumeId()),
        () -> {
          volumes.delete(VolumeIds.checked(request.getVolumeId()));
          return DeleteVolumeResponse.getDefaultInstance();
        });
  }

  @Override
  public void validateVolumeCapabilities(
      ValidateVolumeCapabilitiesRequest request,
      StreamObserver<ValidateVolumeCapabilitiesResponse> out) {
    calls.answer(
        out,
        Kind.CONTROL,
        "ValidateVolumeCapabilities volume=" + VolumeIds.shown(request.getVolumeId()),
        () -> {
          String id = VolumeIds.checked(request.getVolumeId());
          List<VolumeCapability> wanted = request.getVolumeCapabilitiesList();
          if (wanted.isEmpty()) {
            throw Statuses.invalid("volume_capabilities are missing");
          }
          if (!volumes.exists(id, request.getVolumeContextMap())) {
            throw Statuses.notFound("volume " + id + " does not exist");
          }
          return validated(request);
        });
  }

  private static ValidateVolumeCapabilitiesResponse validated(
      ValidateVolumeCapabilitiesRequest request) {
    ValidateVolumeCapabilitiesResponse.Builder answer =
        ValidateVolumeCapabilitiesResponse.newBuilder();
    for (VolumeCapability capability : request.getVolumeCapabilitiesList()) {
      String lack = Capabilities.lack(capability);
      if (!lack.isEmpty()) {
        return answer.setMessage(lack).build();
      }
    }
    answer
        .getConfirmedBuilder()
        .addAllVolumeCapabilities(request.getVolumeCapabilitiesList())
        .putAllVolumeContext(request.getVolumeContextMap())
        .putAllParameters(request.getParametersMap());
    return answer.build();
  }

  @Override
  public void listVolumes(ListVolumesRequest request, StreamObserver<ListVolumesResponse> out) {
    calls.answer(
        out,
        Kind.CONTROL,
        "ListVolumes",
        () -> {
          int most = request.getMaxEntries();
          if (most < 0) {
            throw Statuses.invalid("max_entries: " + most);
          }
          // The last id before: volumes that come and go meanwhile do no harm.
          String after = request.getStartingToken();
          if (!after.isEmpty() && !after.matches("(vol|view)-[a-z0-9-]{1,59}")) {
            throw Statuses.aborted("starting_token is not one that was given");
          }
          ListVolumesResponse.Builder answer = ListVolumesResponse.newBuilder();
          List<Created.Entry> rest =
              volumes.all().stream()
                  .filter(entry -> entry.volumeId().compareTo(after) > 0)
                  .toList();
          int count = most == 0 ? rest.size() : Math.min(most, rest.size());
          rest.subList(0, count)
              .forEach(entry -> answer.addEntriesBuilder().setVolume(volume(entry)));
          if (count < rest.size()) {
            answer.setNextToken(rest.get(count - 1).volumeId());
          }
          return answer.build();
        });
  }

  @Override
  public void getCapacity(GetCapacityRequest request, StreamObserver<GetCapacityResponse> out) {
    calls.answer(
        out,
        "GetCapacity",
        () -> {
          boolean isPossible =
              request.getVolumeCapabilitiesList().stream()
                  .allMatch(capability -> Capabilities.lack(capability).isEmpty());
          return GetCapacityResponse.newBuilder()
              .setAvailableCapacity(isPossible ? capacityBytes.getAsLong() : 0)
              .build();
        });
  }
}
