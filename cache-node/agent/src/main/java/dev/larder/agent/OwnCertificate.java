package dev.larder.agent;

import dev.larder.coordinator.api.TlsMaterial;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/** How long what this node shows others is good. */
final class OwnCertificate {
  private OwnCertificate() {}

  /** When the certificate that is shown now ends. */
  static Optional<Instant> end(TlsMaterial shown) {
    return shown.certificate().map(certificate -> certificate.getNotAfter().toInstant());
  }

  /**
   * Why nobody answers, for people. Whoever refuses a certificate that is over does not say so: the
   * alert it sends means any fault of a certificate.
   *
   * @param problem empty when all is well: connections that stand go on
   */
  static String explain(String problem, Optional<Instant> end, Clock clock) {
    boolean isOver = end.isPresent() && clock.instant().isAfter(end.get());
    return problem.isEmpty() || !isOver
        ? problem
        : "this node's certificate expired at "
            + end.get()
            + ": renew tls.certificate, no restart is needed ("
            + problem
            + ")";
  }

  /** How many seconds are left, negative once it is over; nothing where none is shown. */
  static Map<String, Long> gauges(Optional<Instant> end, Clock clock) {
    return end.map(last ->
            Map.of("certificate_seconds_left", Duration.between(clock.instant(), last).toSeconds()))
        .orElse(Map.of());
  }
}
