package dev.larder.mount;

import java.nio.file.Path;

/**
 * Starts a keeper as a process of its own that outlives the agent, where none runs. Systemd or a
 * DaemonSet may do that instead; then this one only says so.
 */
@FunctionalInterface
public interface KeeperStarter {
  /**
   * Starts it and returns at once.
   *
   * @param runDirectory where its socket will be
   * @throws dev.larder.protocol.LarderException UNSUPPORTED with what to do instead
   */
  void start(Path runDirectory);
}
