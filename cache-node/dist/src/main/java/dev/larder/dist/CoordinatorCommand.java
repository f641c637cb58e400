package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.agent.config.DurableFiles;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.CoordinatorServer;
import dev.larder.coordinator.api.ReloadedTls;
import dev.larder.coordinator.api.TlsMaterial;
import dev.larder.csi.CsiConfig;
import dev.larder.mount.MountSettings;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code larder coordinator}: one of the coordinators, in the foreground. */
@Command(
    name = "coordinator",
    description = "Run a coordinator of a cluster, in the foreground; see docs/CLUSTER.md.")
final class CoordinatorCommand implements Callable<Integer> {
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

  @Option(
      names = "--ready-file",
      paramLabel = "FILE",
      description = "Written when requests are answered; holds the addresses.")
  @Nullable Path readyFile;

  @Override
  public Integer call() throws Exception {
    ConfigTree tree = AgentOptions.readTree(config);
    settings.forEach(tree::put);
    Limits limits = CoordinatorKeys.of(tree);
    ClusterKeys keys = ClusterKeys.of(tree);
    // One file may serve all processes, so what agents know is known here too, and checked.
    MountSettings unused = MountSettings.of(tree);
    CsiConfig unusedEither = CsiConfig.of(tree);
    AgentConfig unusedToo = AgentConfig.of(Path.of(keys.directory()), tree);
    try (ReloadedTls tls = keys.openTls()) {
      InetSocketAddress listen = keys.watch();
      TlsMaterial material = keys.material(tls);
      CoordinatorServer server = CoordinatorServer.start(keys.server(material, limits));
      try (CoordinatorWatch watch = watch(listen, server)) {
        if (readyFile != null) {
          DurableFiles.replace(readyFile, ready(server, watch).getBytes(StandardCharsets.UTF_8));
        }
        Foreground.run(
            server,
            "coordinator "
                + keys.id()
                + " at "
                + text(server.address())
                + ", metrics at http://"
                + text(watch.address())
                + "/metrics",
            server::hasEnded);
      }
    }
    return 0;
  }

  private static CoordinatorWatch watch(InetSocketAddress listen, CoordinatorServer server) {
    try {
      return CoordinatorWatch.open(listen, server);
    } catch (RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private static String ready(CoordinatorServer server, CoordinatorWatch watch) {
    return "{\"address\":\"%s\",\"raftAddress\":\"%s\",\"watchAddress\":\"%s\",\"pid\":%d}\n"
        .formatted(
            text(server.address()),
            text(server.raftAddress()),
            text(watch.address()),
            ProcessHandle.current().pid());
  }

  private static String text(InetSocketAddress address) {
    return address.getHostString() + ":" + address.getPort();
  }
}
