package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.csi.CsiConfig;
import dev.larder.mount.MountSettings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** A whole node in this process, below a test's directory, on any free port. */
final class TestNode {
  private TestNode() {}

  /** Starts it; its ready file is {@code ready.json}. */
  static AgentProcess start(Path directory) {
    ConfigTree tree = new ConfigTree(Map.of("http.port", "0"));
    MountSettings mounting = MountSettings.of(tree);
    Limits limits = CoordinatorKeys.of(tree);
    Path data = directory.resolve("data");
    return AgentProcess.start(
        AgentConfig.of(data, tree),
        Coordination.inside(data, limits),
        mounting,
        CsiConfig.defaults(),
        directory.resolve("run"),
        Optional.of(directory.resolve("ready.json")),
        Optional.empty());
  }
}
