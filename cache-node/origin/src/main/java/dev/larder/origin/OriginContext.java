package dev.larder.origin;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What an origin is given beside its URI and options.
 *
 * @param environment reads an environment variable, for credential references
 */
record OriginContext(
    OriginLimits limits,
    OriginMetrics metrics,
    Timing timing,
    Function<String, @Nullable String> environment) {

  static OriginContext of(OriginLimits limits, OriginMetrics metrics) {
    return new OriginContext(limits, metrics, Timing.system(), System::getenv);
  }
}
