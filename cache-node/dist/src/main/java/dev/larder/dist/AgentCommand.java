package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.csi.CsiConfig;
import dev.larder.mount.MountSettings;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code larder agent}: the agent of one node of a cluster, in the foreground. */
@Command(
    name = "agent",
    description = "Run the agent of one node of a cluster, in the foreground; see docs/CLUSTER.md.")
final class AgentCommand implements Callable<Integer> {
  @Mixin AgentOptions options = new AgentOptions();

  @Override
  public Integer call() throws Exception {
    Path directory = options.directory();
    ConfigTree tree = options.readTree();
    MountSettings mounting = MountSettings.of(tree);
    CsiConfig csi = CsiConfig.of(tree);
    Limits limits = CoordinatorKeys.of(tree);
    ClusterKeys keys = ClusterKeys.of(tree);
    PeerAddress.setDefaults(tree, keys.addresses());
    AgentConfig agent = AgentConfig.of(directory, tree);
    CoordinatorClientConfig coordinators = keys.client(limits);
    AgentProcess node =
        AgentProcess.start(
            agent,
            Coordination.elsewhere(coordinators, keys.openTls()),
            mounting,
            csi,
            options.runDirectory(),
            options.readyFile(),
            options.standbyFile());
    Foreground.run(
        node, "ready at " + node.address() + ", data in " + directory + "; Ctrl-C ends it");
    return 0;
  }
}
