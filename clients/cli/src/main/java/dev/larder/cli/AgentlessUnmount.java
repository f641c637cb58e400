package dev.larder.cli;

import java.nio.file.Path;
import java.util.List;

/** Takes a mount away on this host without an agent. */
@FunctionalInterface
public interface AgentlessUnmount {
  /**
   * Unmounts although files are open.
   *
   * @param target absolute
   * @param force whether reads that wait are to end with an error
   * @param runDirectories where the node's processes may be found, the likeliest first
   * @return who did it, for people
   * @throws dev.larder.protocol.LarderException UNKNOWN_MOUNT when nothing of Larder is there
   */
  String unmount(Path target, boolean force, List<Path> runDirectories);
}
