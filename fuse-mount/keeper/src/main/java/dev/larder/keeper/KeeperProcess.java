package dev.larder.keeper;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Starts a keeper as a process that outlives its starter.
 *
 * @param java the java program
 * @param classPath with larder-keeper, larder-fuse, larder-linux and larder-protocol; more does no
 *     harm, and nothing of it is loaded
 * @param archive a class data archive made for this class path, or one that does not exist
 */
public record KeeperProcess(Path java, String classPath, Path archive) {
  /** A log longer than this is moved aside at the next start. */
  private static final long LOG_BYTES_MAX = 1 << 20;

  /**
   * Sized by measurement: the rest of the memory is the JVM's own. The compiler's best code is not
   * worth its memory here, as nothing runs often.
   */
  private static final List<String> FLAGS =
      List.of(
          "-Xms4m",
          "-Xmx16m",
          "-Xss256k",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-XX:ReservedCodeCacheSize=12m",
          "-XX:MaxMetaspaceSize=32m",
          "-XX:CompressedClassSpaceSize=8m",
          "-XX:MaxDirectMemorySize=1m",
          "-XX:-UsePerfData",
          "-XX:+ExitOnOutOfMemoryError",
          "-Xshare:auto",
          "--enable-native-access=ALL-UNNAMED");

  /** Of this process: its Java and its class path. */
  public static KeeperProcess ofThis(Path archive) {
    return new KeeperProcess(
        Path.of(System.getProperty("java.home"), "bin", "java"),
        System.getProperty("java.class.path"),
        archive);
  }

  /** The command line. */
  public List<String> command(KeeperConfig config) {
    List<String> command = new ArrayList<>();
    command.add(java.toString());
    command.addAll(FLAGS);
    if (Files.exists(archive)) {
      command.add("-XX:SharedArchiveFile=" + archive);
    }
    command.add("-cp");
    command.add(classPath);
    command.add(KeeperMain.class.getName());
    command.addAll(config.arguments());
    return command;
  }

  /**
   * Starts it and returns at once; it writes to {@code keeper.log} in the run directory, which is
   * made.
   */
  public Process start(KeeperConfig config) throws IOException {
    Path run = Keeper.prepare(config.runDirectory()).run();
    Path log = run.resolve("keeper.log");
    if (Files.exists(log) && Files.size(log) > LOG_BYTES_MAX) {
      Files.move(log, run.resolve("keeper.log.1"), StandardCopyOption.REPLACE_EXISTING);
    }
    ProcessBuilder builder =
        new ProcessBuilder(command(config))
            .directory(Path.of("/").toFile())
            .redirectInput(Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(Redirect.appendTo(log.toFile()))
            .redirectError(Redirect.appendTo(log.toFile()));
    // Names of directories are UTF-8 for the keeper, whatever its starter's locale.
    builder.environment().put("LC_ALL", "C.UTF-8");
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    builder.environment().remove("JDK_JAVA_OPTIONS");
    return builder.start();
  }
}
