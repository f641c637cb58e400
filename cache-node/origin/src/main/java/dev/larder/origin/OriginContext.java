package dev.larder.origin;

import java.time.Clock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What an origin is given beside its URI and options.
 *
 * @param environment reads what credential references lead to: an environment variable by its name,
 *     a secret in memory by its whole reference
 */
record OriginContext(
    OriginLimits limits,
    OriginMetrics metrics,
    Timing timing,
    Function<String, @Nullable String> environment) {

  static OriginContext of(
      OriginLimits limits, OriginMetrics metrics, SecretMemory memory, Clock clock) {
    return new OriginContext(
        limits,
        metrics,
        Timing.system(clock),
        name ->
            name.startsWith(SecretMemory.SCHEME)
                ? memory.get(name.substring(SecretMemory.SCHEME.length()))
                : System.getenv(name));
  }
}
