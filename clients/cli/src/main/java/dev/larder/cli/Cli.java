package dev.larder.cli;

import dev.larder.protocol.LarderException;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line without the processes; the distribution adds those ({@code dev} and others). */
@Command(
    name = "larder",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "A node-local cache of datasets, model weights and image layers.",
    subcommands = {
      DatasetCommands.class,
      FileCommands.Ls.class,
      FileCommands.Stat.class,
      FileCommands.Cat.class,
      FileCommands.Get.class,
      CacheCommands.Warm.class,
      CacheCommands.Jobs.class,
      CacheCommands.PinFiles.class,
      CacheCommands.Unpin.class,
      CacheCommands.Pins.class,
      WarmUpCommands.WarmUps.class,
      WarmUpCommands.WarmUp.class,
      MountCommands.MountDataset.class,
      MountCommands.ListMounts.class,
      MountCommands.Pack.class,
      FleetCommands.Nodes.class,
      FleetCommands.Node.class,
      FleetCommands.Coordinators.class,
      StatusCommand.class,
      DoctorCommand.class,
      CommandLine.HelpCommand.class
    })
public final class Cli implements Runnable {
  @Spec CommandSpec spec;

  /**
   * The command line.
   *
   * @param version printed by {@code --version}
   * @param unmounts takes mounts away where no agent answers
   * @param more further commands, annotated for picocli
   */
  public static CommandLine commandLine(
      String version, AgentlessUnmount unmounts, List<Object> more) {
    CommandLine line = new CommandLine(new Cli());
    line.getCommandSpec().version(version);
    line.addSubcommand(new MountCommands.Unmount(unmounts));
    more.forEach(line::addSubcommand);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setColorScheme(
        CommandLine.Help.defaultColorScheme(
            System.getenv("NO_COLOR") == null ? Ansi.AUTO : Ansi.OFF));
    addHelp(line);
    line.setExecutionExceptionHandler((e, at, parsed) -> report(e, at));
    line.setExitCodeExceptionMapper(Cli::exitCode);
    return line;
  }

  private static void addHelp(CommandLine line) {
    for (CommandLine sub : line.getSubcommands().values()) {
      if (sub.getCommandSpec().helpCommand()) {
        continue;
      }
      sub.getCommandSpec().mixinStandardHelpOptions(true);
      addHelp(sub);
    }
  }

  private static int exitCode(Throwable e) {
    return switch (e) {
      case LarderException fault -> ExitCodes.of(fault.code());
      case ParameterException usage -> ExitCodes.USAGE;
      default -> ExitCodes.FAILED;
    };
  }

  /** One line for people; the code is what scripts and issue trackers can search for. */
  private static int report(Exception e, CommandLine at) throws Exception {
    PrintWriter err = at.getErr();
    if (e instanceof LarderException fault) {
      err.println("larder: " + Output.printable(fault.getMessage()) + " [" + fault.code() + "]");
      return ExitCodes.of(fault.code());
    }
    if (e instanceof InterruptedException) {
      return ExitCodes.CANCELLED;
    }
    throw e;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }
}
