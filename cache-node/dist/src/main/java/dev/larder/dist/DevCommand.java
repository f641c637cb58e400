package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.csi.CsiConfig;
import dev.larder.mount.MountSettings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code larder dev}: coordinator and agent in one process, in the foreground. */
@Command(name = "dev", description = "Run coordinator and agent in one process, in the foreground.")
final class DevCommand implements Callable<Integer> {
  @Mixin AgentOptions options = new AgentOptions();

  @Override
  public Integer call() throws Exception {
    Path directory = options.directory();
    ConfigTree tree = options.readTree();
    MountSettings mounting = MountSettings.of(tree);
    CsiConfig csi = CsiConfig.of(tree);
    Limits coordinator = CoordinatorKeys.of(tree);
    AgentConfig agent = AgentConfig.of(directory, tree);
    AgentProcess node =
        AgentProcess.start(
            agent,
            Coordination.inside(directory, coordinator),
            mounting,
            csi,
            options.runDirectory(),
            options.readyFile(),
            options.standbyFile());
    Foreground.run(
        node, "ready at " + node.address() + ", data in " + directory + "; Ctrl-C ends it");
    return 0;
  }

  /** A node with defaults on a free port, for as long as whoever asked keeps it open. */
  static AutoCloseable startForOthers(Path data, Path run, Path ready) {
    // It holds some MiB, also on a disk with less room than a cache would leave to others.
    ConfigTree tree = new ConfigTree(Map.of("http.port", "0", "store.disk-min-free", "64MiB"));
    Limits limits = CoordinatorKeys.of(tree);
    MountSettings mounting = MountSettings.of(tree);
    CsiConfig csi = CsiConfig.of(tree);
    return AgentProcess.start(
        AgentConfig.of(data, tree),
        Coordination.inside(data, limits),
        mounting,
        csi,
        run,
        Optional.of(ready),
        Optional.empty());
  }
}
