package dev.larder.cli;

import dev.larder.protocol.TimeSpan;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How long something is kept. */
final class TtlOption {
  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Option(
      names = "--ttl",
      paramLabel = "TIME",
      description = "Keep it in the cache for so long: 30m, 24h, 7d.")
  @Nullable String text;

  /** Zero where none was given. */
  Duration ttl() {
    if (text == null) {
      return Duration.ZERO;
    }
    return TimeSpan.parse(text)
        .filter(Duration::isPositive)
        .orElseThrow(() ->
            new ParameterException(
                spec.commandLine(), "--ttl: \"" + text + "\" is no time such as 30m, 24h, 7d"));
  }
}
