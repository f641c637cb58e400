package dev.larder.csi;

import csi.v1.Csi.VolumeCapability;
import java.util.List;
import java.util.Set;

/** What volumes can be used for: to be read, as directories. */
final class Capabilities {
  private static final Set<String> FLAGS = Set.of("ro", "nosuid", "nodev", "noexec");

  private Capabilities() {}

  /**
   * Checks one.
   *
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT
   */
  static void require(VolumeCapability capability) {
    String lack = lack(capability);
    if (!lack.isEmpty()) {
      throw Statuses.invalid("volume_capability: " + lack);
    }
  }

  /** Checks several, at least one. */
  static void require(List<VolumeCapability> capabilities) {
    if (capabilities.isEmpty()) {
      throw Statuses.invalid("volume_capabilities are missing");
    }
    capabilities.forEach(Capabilities::require);
  }

  /** Why a volume cannot be used so; empty when it can. */
  static String lack(VolumeCapability capability) {
    if (capability.hasBlock()) {
      return "volumes are directories, no block devices";
    }
    if (!capability.hasMount()) {
      return "it says neither mount nor block";
    }
    for (String flag : capability.getMount().getMountFlagsList()) {
      if (!FLAGS.contains(flag)) {
        return "mount flag \"" + VolumeIds.shown(flag) + "\" is none of ro, nosuid, nodev, noexec";
      }
    }
    return switch (capability.getAccessMode().getMode()) {
      // A pod's inline volume comes as a single writer's; it is read-only all the same.
      case SINGLE_NODE_WRITER,
          SINGLE_NODE_READER_ONLY,
          SINGLE_NODE_SINGLE_WRITER,
          SINGLE_NODE_MULTI_WRITER,
          MULTI_NODE_READER_ONLY ->
          "";
      case MULTI_NODE_SINGLE_WRITER, MULTI_NODE_MULTI_WRITER ->
          "volumes are read-only: use ReadOnlyMany";
      case UNKNOWN, UNRECOGNIZED -> "its access mode is missing or not known";
    };
  }

  static boolean isNoExec(VolumeCapability capability) {
    return capability.getMount().getMountFlagsList().contains("noexec");
  }
}
