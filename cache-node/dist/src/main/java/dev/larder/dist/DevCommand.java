package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.http.RunDirectory;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.mount.MountSettings;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code larder dev}: coordinator and agent in one process, in the foreground. */
@Command(name = "dev", description = "Run coordinator and agent in one process, in the foreground.")
final class DevCommand implements Callable<Integer> {
  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Data directory, on a real file system (default: /var/lib/larder for root, else"
              + " ~/.local/share/larder).")
  @Nullable Path data;

  @Option(
      names = "--ready-file",
      paramLabel = "FILE",
      description = "Written when requests are answered; holds what clients need.")
  @Nullable Path readyFile;

  @Option(
      names = "--run-dir",
      paramLabel = "DIR",
      description = "Where token and agent.json go (default: /run/larder for root).")
  @Nullable Path runDirectory;

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "Port on 127.0.0.1, 0 for any (default: 7450).")
  @Nullable Integer port;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "YAML with keys of docs/CONFIG.md; an unknown key is an error.")
  @Nullable Path config;

  @Option(
      names = {"-c", "--set"},
      paramLabel = "KEY=VALUE",
      description = "Sets one configuration key; may be repeated, wins over the file.")
  Map<String, String> settings = new LinkedHashMap<>();

  @Override
  public Integer call() throws Exception {
    String user = System.getProperty("user.name");
    Path directory = directory(user).toAbsolutePath();
    Path run =
        runDirectory != null
            ? runDirectory
            : RunDirectory.choose(
                user, Optional.ofNullable(System.getenv("XDG_RUNTIME_DIR")).orElse(""), directory);
    CountDownLatch ended = new CountDownLatch(1);
    ConfigTree tree = readTree();
    MountSettings mounting = MountSettings.of(tree);
    Limits coordinator = CoordinatorKeys.of(tree);
    AgentConfig agent = AgentConfig.of(directory, tree);
    try (DevNode node =
        DevNode.start(agent, coordinator, mounting, run, Optional.ofNullable(readyFile))) {
      Thread hook =
          new Thread(
              () -> {
                node.close();
                Logging.stop();
                ended.countDown();
              },
              "shutdown");
      Runtime.getRuntime().addShutdownHook(hook);
      System.err.println(
          "larder: ready at " + node.address() + ", data in " + directory + "; Ctrl-C ends it");
      ended.await();
    }
    return 0;
  }

  /** A node with defaults on a free port, for as long as whoever asked keeps it open. */
  static AutoCloseable startForOthers(Path data, Path run, Path ready) {
    ConfigTree tree = new ConfigTree(Map.of("http.port", "0"));
    return DevNode.start(
        AgentConfig.of(data, tree),
        CoordinatorKeys.of(tree),
        MountSettings.of(tree),
        run,
        Optional.of(ready));
  }

  private Path directory(String user) {
    if (data != null) {
      return data;
    }
    return user.equals("root")
        ? Path.of("/var/lib/larder")
        : Path.of(System.getProperty("user.home"), ".local", "share", "larder");
  }

  private ConfigTree readTree() {
    ConfigTree tree = new ConfigTree(Map.of());
    if (config != null) {
      try {
        tree = ConfigTree.ofYaml(Files.readString(config));
      } catch (IOException e) {
        throw new LarderException(ErrorCode.BAD_CONFIG, "--config: cannot read " + config, e);
      }
    }
    settings.forEach(tree::put);
    if (port != null) {
      tree.put("http.port", port.toString());
    }
    return tree;
  }
}
