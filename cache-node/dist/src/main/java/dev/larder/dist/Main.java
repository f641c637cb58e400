package dev.larder.dist;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The entry point of the distribution. */
@Command(
    name = "larder",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    description = "A distributed cache of storage, local to the nodes that use it.")
public final class Main implements Runnable {
  private final CommandLine commandLine = new CommandLine(this);

  public static void main(String[] args) {
    System.exit(new Main().commandLine.execute(args));
  }

  @Override
  public void run() {
    commandLine.printVersionHelp(commandLine.getOut());
  }

  /** The version as the jar's manifest has it. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"larder " + (version == null ? "(unpackaged)" : version)};
    }
  }
}
