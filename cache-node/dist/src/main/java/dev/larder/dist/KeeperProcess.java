package dev.larder.dist;

import dev.larder.keeper.KeeperConfig;
import dev.larder.mount.KeeperStarter;
import dev.larder.mount.MountSettings;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts the keeper as a process of its own, which outlives this one. */
final class KeeperProcess {
  private static final Logger log = LoggerFactory.getLogger(KeeperProcess.class);

  private KeeperProcess() {}

  static KeeperStarter starter(MountSettings settings) {
    return runDirectory -> start(settings.keeper(runDirectory));
  }

  private static void start(KeeperConfig config) {
    List<String> command = new ArrayList<>(launcher());
    command.addAll(config.arguments());
    Path words = config.runDirectory().resolve("keeper.log");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(words.toFile()))
              .start();
      process.getOutputStream().close();
      log.info("keeper started pid={} log={}", process.pid(), words);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.UNSUPPORTED, "cannot start the keeper: " + e, e);
    }
  }

  private static List<String> launcher() {
    String home = System.getProperty("larder.home");
    if (home != null) {
      return List.of(Path.of(home, "bin", "larder").toString(), "keeper");
    }
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "-Xmx16m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        System.getProperty("java.class.path"),
        "dev.larder.keeper.KeeperMain");
  }
}
