package dev.larder.dist;

import dev.larder.agent.AgentConfig;
import dev.larder.agent.config.ConfigTree;
import dev.larder.coordinator.CoordinatorConfig.Limits;
import dev.larder.coordinator.api.CoordinatorClientConfig;
import dev.larder.coordinator.api.ReloadedTls;
import dev.larder.csi.CsiConfig;
import dev.larder.mount.MountSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code larder agent}: the agent of one node of a cluster, in the foreground. */
@Command(
    name = "agent",
    description = "Run the agent of one node of a cluster, in the foreground; see docs/CLUSTER.md.")
final class AgentCommand implements Callable<Integer> {
  /** Reads are served meanwhile; this is only for what is said. */
  private static final Duration MEMBER_WAIT = Duration.ofSeconds(3);

  @Mixin AgentOptions options = new AgentOptions();

  @Override
  public Integer call() throws Exception {
    Path directory = options.directory();
    ConfigTree tree = options.readTree();
    MountSettings mounting = MountSettings.of(tree);
    CsiConfig csi = CsiConfig.of(tree);
    Limits limits = CoordinatorKeys.of(tree);
    ClusterKeys keys = ClusterKeys.of(tree);
    PeerAddress.setDefaults(tree);
    AgentConfig agent = AgentConfig.of(directory, tree);
    CoordinatorClientConfig coordinators = keys.client(limits);
    ReloadedTls tls = keys.openTls();
    AgentProcess node =
        AgentProcess.start(
            keys.identify(agent, tls),
            Coordination.elsewhere(coordinators, tls, keys.material(tls)),
            mounting,
            csi,
            options.runDirectory(),
            options.readyFile(),
            options.standbyFile());
    String outside = node.awaitMembership(MEMBER_WAIT);
    Foreground.run(
        node,
        "ready at "
            + node.address()
            + (outside.isEmpty()
                ? ", a member of the cluster"
                : " for reads, not yet a member of the cluster ("
                    + outside
                    + "; it goes on trying)")
            + ", data in "
            + directory
            + "; Ctrl-C ends it");
    return 0;
  }
}
