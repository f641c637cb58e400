package dev.larder.csi;

import com.google.protobuf.BoolValue;
import csi.v1.Csi.GetPluginCapabilitiesRequest;
import csi.v1.Csi.GetPluginCapabilitiesResponse;
import csi.v1.Csi.GetPluginInfoRequest;
import csi.v1.Csi.GetPluginInfoResponse;
import csi.v1.Csi.PluginCapability;
import csi.v1.Csi.ProbeRequest;
import csi.v1.Csi.ProbeResponse;
import csi.v1.IdentityGrpc;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.function.Supplier;

/** Who this is, and whether it can serve. */
final class IdentityService extends IdentityGrpc.IdentityImplBase {
  private final CsiConfig config;
  private final String version;
  private final Supplier<List<String>> notReady;
  private final Calls calls;

  /**
   * @param notReady why the node cannot serve; empty when it can
   */
  IdentityService(CsiConfig config, String version, Supplier<List<String>> notReady, Calls calls) {
    this.config = config;
    this.version = version;
    this.notReady = notReady;
    this.calls = calls;
  }

  @Override
  public void getPluginInfo(
      GetPluginInfoRequest request, StreamObserver<GetPluginInfoResponse> out) {
    calls.answer(
        out,
        "GetPluginInfo",
        () ->
            GetPluginInfoResponse.newBuilder()
                .setName(config.name())
                .setVendorVersion(version)
                .build());
  }

  @Override
  public void getPluginCapabilities(
      GetPluginCapabilitiesRequest request, StreamObserver<GetPluginCapabilitiesResponse> out) {
    calls.answer(
        out,
        "GetPluginCapabilities",
        () -> {
          GetPluginCapabilitiesResponse.Builder answer = GetPluginCapabilitiesResponse.newBuilder();
          if (config.controller()) {
            answer
                .addCapabilitiesBuilder()
                .getServiceBuilder()
                .setType(PluginCapability.Service.Type.CONTROLLER_SERVICE);
          }
          return answer.build();
        });
  }

  @Override
  public void probe(ProbeRequest request, StreamObserver<ProbeResponse> out) {
    calls.answer(
        out,
        "Probe",
        () -> {
          List<String> causes = notReady.get();
          if (!causes.isEmpty()) {
            throw Status.FAILED_PRECONDITION
                .withDescription(String.join("; ", causes))
                .asRuntimeException();
          }
          return ProbeResponse.newBuilder().setReady(BoolValue.of(true)).build();
        });
  }
}
