package dev.larder.csi;

import io.grpc.stub.StreamObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import pluginregistration.Pluginregistration.InfoRequest;
import pluginregistration.Pluginregistration.PluginInfo;
import pluginregistration.Pluginregistration.RegistrationStatus;
import pluginregistration.Pluginregistration.RegistrationStatusResponse;
import pluginregistration.RegistrationGrpc;

/**
 * Tells kubelet of the driver. Kubelet finds the socket in its directory of plugins, asks, calls
 * the driver, and says what came of it.
 */
final class RegistrationService extends RegistrationGrpc.RegistrationImplBase {
  private static final Logger log = LoggerFactory.getLogger(RegistrationService.class);
  private static final String TYPE = "CSIPlugin";
  private static final String VERSION = "1.0.0";

  private final CsiConfig config;
  private final Calls calls;
  private volatile boolean isRegistered;

  RegistrationService(CsiConfig config, Calls calls) {
    this.config = config;
    this.calls = calls;
  }

  /** The name that the socket has in kubelet's directory. */
  static String socketName(CsiConfig config) {
    return config.name() + "-reg.sock";
  }

  /** Whether kubelet said so last. */
  boolean isRegistered() {
    return isRegistered;
  }

  @Override
  public void getInfo(InfoRequest request, StreamObserver<PluginInfo> out) {
    calls.answer(
        out,
        "GetInfo",
        () ->
            PluginInfo.newBuilder()
                .setType(TYPE)
                .setName(config.name())
                .setEndpoint(config.socketOfKubelet())
                .addSupportedVersions(VERSION)
                .build());
  }

  @Override
  public void notifyRegistrationStatus(
      RegistrationStatus request, StreamObserver<RegistrationStatusResponse> out) {
    calls.answer(
        out,
        "NotifyRegistrationStatus",
        () -> {
          isRegistered = request.getPluginRegistered();
          if (isRegistered) {
            log.info("kubelet registered driver={}", config.name());
          } else {
            // It tries again by itself, at growing distances.
            log.error(
                "kubelet does not register driver={}: {}",
                config.name(),
                VolumeIds.shown(request.getError()));
          }
          return RegistrationStatusResponse.getDefaultInstance();
        });
  }
}
