package dev.larder.dist.quickstart;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What every quickstart understands. */
final class QuickstartOptions {
  @Option(names = "--exit", description = "End afterwards; status 0 only if everything was right.")
  boolean exit;

  @Option(names = "--json", description = "Print the result as one JSON object on stdout.")
  boolean json;

  @Option(names = "--keep", description = "Leave the files behind.")
  boolean keep;

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description = "Where to work; about 2 GB are needed (default: a new temporary directory).")
  @Nullable Path directory;
}
