package dev.larder.dist;

import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.http.RunDirectory;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of processes that serve a node. */
final class AgentOptions {
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
      names = "--standby-file",
      paramLabel = "FILE",
      description =
          "While another agent has the run directory wait for its end, and let FILE exist"
              + " meanwhile; without it that is an error.")
  @Nullable Path standbyFile;

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

  Optional<Path> readyFile() {
    return Optional.ofNullable(readyFile);
  }

  Optional<Path> standbyFile() {
    return Optional.ofNullable(standbyFile);
  }

  /** The data directory. */
  Path directory() {
    return directory(System.getProperty("user.name")).toAbsolutePath();
  }

  /** The run directory. */
  Path runDirectory() {
    return runDirectory != null
        ? runDirectory
        : RunDirectory.choose(
            System.getProperty("user.name"),
            Optional.ofNullable(System.getenv("XDG_RUNTIME_DIR")).orElse(""),
            directory());
  }

  private Path directory(String user) {
    if (data != null) {
      return data;
    }
    return user.equals("root")
        ? Path.of("/var/lib/larder")
        : Path.of(System.getProperty("user.home"), ".local", "share", "larder");
  }

  /** The file, then what the command line says. */
  ConfigTree readTree() {
    ConfigTree tree = readTree(config);
    settings.forEach(tree::put);
    if (port != null) {
      tree.put("http.port", port.toString());
    }
    return tree;
  }

  /** A file's keys; none without a file. */
  static ConfigTree readTree(@Nullable Path config) {
    if (config == null) {
      return new ConfigTree(Map.of());
    }
    try {
      return ConfigTree.ofYaml(Files.readString(config));
    } catch (LarderException e) {
      throw new LarderException(e.code(), config + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new LarderException(ErrorCode.BAD_CONFIG, "--config: cannot read " + config, e);
    }
  }
}
