package dev.larder.dist;

import dev.larder.agent.http.RunDirectory;
import dev.larder.keeper.KeeperMain;
import dev.larder.keeper.KeeperProcess;
import dev.larder.keeper.KeeperUpgrade;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code larder keeper}: the process that holds mounts, and {@code upgrade}, which renews it. */
@Command(
    name = "keeper",
    description = {
      "Hold mounts and requests while agents come and go; started by the agent or by systemd.",
      "The smallest command line is: larder keeper keeper.run-directory=/run/larder"
    },
    subcommands = KeeperCommand.Upgrade.class)
final class KeeperCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Parameters(
      arity = "0..*",
      paramLabel = "KEY=VALUE",
      description =
          "keeper.run-directory, keeper.agent-deadline, keeper.connections-max, keeper.mounts-max,"
              + " keeper.share-mounts, keeper.take-over, mount.slots, mount.rows-max, mount.passthrough,"
              + " mount.read-ahead, mount.overlay-layers.")
  List<String> settings = new ArrayList<>();

  @Override
  public Integer call() {
    if (settings.isEmpty()) {
      throw new ParameterException(spec.commandLine(), "keeper.run-directory=DIR is missing");
    }
    KeeperMain.main(settings.toArray(String[]::new));
    return 0;
  }

  /** Puts a keeper of this build in the place of the one that runs. */
  @Command(
      name = "upgrade",
      description = {
        "Put a keeper of this build in the place of the one that runs, with its settings.",
        "Mounts, readers and the agent go on. Under systemd: systemctl reload larder-keeper."
      })
  static final class Upgrade implements Callable<Integer> {
    private static final Duration DEADLINE = Duration.ofSeconds(45);

    @Spec CommandSpec spec;

    @Option(
        names = "--run-dir",
        paramLabel = "DIR",
        description = "The run directory of the node (default: /run/larder for root).")
    @Nullable Path runDirectory;

    @Option(
        names = {"-c", "--set"},
        paramLabel = "KEY=VALUE",
        description = "A setting of the keeper that is to change; may be repeated.")
    Map<String, String> changes = new LinkedHashMap<>();

    @Override
    public Integer call() {
      Path run = runDirectory != null ? runDirectory : chosen();
      KeeperProcess launcher = KeeperProcess.ofThis(run.resolve("keeper.jsa"));
      KeeperUpgrade.Result result = new KeeperUpgrade(launcher, run).run(changes, DEADLINE);
      PrintWriter out = spec.commandLine().getOut();
      out.printf(
          "keeper upgraded: process %d took over from %d, mounts kept: %d%n",
          result.successor(), result.former(), result.mounts());
      out.flush();
      return 0;
    }

    private static Path chosen() {
      return RunDirectory.choose(
          System.getProperty("user.name"),
          Optional.ofNullable(System.getenv("XDG_RUNTIME_DIR")).orElse(""),
          Path.of(System.getProperty("user.home"), ".local", "share", "larder"));
    }
  }
}
