package dev.larder.dist;

import dev.larder.cli.Cli;
import dev.larder.dist.prepare.PrepareCommand;
import dev.larder.dist.quickstart.QuickstartCommand;
import dev.larder.keeper.KeeperUnmount;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/** The entry point of the distribution: the command line with the processes added. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    HostNames.forgetSoon();
    int status = commandLine().execute(args);
    Logging.stop();
    System.exit(status);
  }

  /** The command line with the processes. */
  static CommandLine commandLine() {
    return Cli.commandLine(
        "larder " + version(),
        KeeperUnmount::run,
        List.of(
            new DevCommand(),
            new KeeperCommand(),
            new AgentCommand(),
            new CoordinatorCommand(),
            new CertsCommand(),
            new QuickstartCommand(),
            new PrepareCommand(DevCommand::startForOthers, ClusterForOthers::start)));
  }

  /** The version as the jar's manifest has it. */
  static String version() {
    @Nullable String version = Main.class.getPackage().getImplementationVersion();
    return version == null ? "(unpackaged)" : version;
  }
}
