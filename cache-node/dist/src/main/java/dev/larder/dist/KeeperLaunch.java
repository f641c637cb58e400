package dev.larder.dist;

import dev.larder.keeper.KeeperConfig;
import dev.larder.keeper.KeeperProcess;
import dev.larder.mount.KeeperStarter;
import dev.larder.mount.MountSettings;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts the keeper on this process's Java and class path; it outlives this process. */
final class KeeperLaunch {
  private static final Logger log = LoggerFactory.getLogger(KeeperLaunch.class);

  private KeeperLaunch() {}

  static KeeperStarter starter(MountSettings settings) {
    return runDirectory -> start(settings.keeper(runDirectory));
  }

  private static void start(KeeperConfig config) {
    try {
      Process process =
          KeeperProcess.ofThis(config.runDirectory().resolve("keeper.jsa")).start(config);
      log.info("keeper started pid={}", process.pid());
    } catch (IOException e) {
      throw new LarderException(ErrorCode.UNSUPPORTED, "cannot start the keeper: " + e, e);
    }
  }
}
