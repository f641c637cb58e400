package dev.larder.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Which files of which dataset a command is about: all, or what a path or glob names. */
final class DatasetFiles {
  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Parameters(index = "0", paramLabel = "DATASET", description = "name or name@snapshot")
  String dataset;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "PATH",
      description = "Only this file or directory, or what this glob matches (default: all).")
  @Nullable String word;

  @Option(names = "--path", paramLabel = "GLOB", description = "The same as PATH.")
  @Nullable String option;

  /** The glob; empty for all. */
  String glob() {
    return glob(spec, word, option);
  }

  /** The glob that an argument or an option names; empty where neither does. */
  static String glob(CommandSpec spec, @Nullable String word, @Nullable String option) {
    if (word != null && option != null) {
      throw new ParameterException(spec.commandLine(), "give PATH or --path, not both");
    }
    return FileCommands.cleanPath(word != null ? word : option != null ? option : "");
  }
}
