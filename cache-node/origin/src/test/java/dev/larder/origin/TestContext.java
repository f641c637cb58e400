package dev.larder.origin;

import dev.larder.protocol.ErrorCode;
import dev.larder.testkit.FakeClock;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/** What tests hand to origins, and what they count. */
final class TestContext {
  static final OriginLimits FAST =
      new OriginLimits(
          16, 0, Duration.ofSeconds(10), 4, Duration.ofMillis(1), Duration.ofMillis(8));

  final Counts counts = new Counts();
  private Timing timing = Timing.system(Clock.systemUTC());
  private OriginLimits limits = FAST;
  private Map<String, String> environment = Map.of();

  TestContext limits(UnaryOperator<OriginLimits> change) {
    limits = change.apply(limits);
    return this;
  }

  TestContext deadline(Duration deadline) {
    return limits(l ->
        new OriginLimits(
            l.connectionsMax(),
            l.bytesPerSecond(),
            deadline,
            l.attemptsMax(),
            l.retryDelayMin(),
            l.retryDelayMax()));
  }

  TestContext connections(int max) {
    return limits(l ->
        new OriginLimits(
            max,
            l.bytesPerSecond(),
            l.progressDeadline(),
            l.attemptsMax(),
            l.retryDelayMin(),
            l.retryDelayMax()));
  }

  TestContext bandwidth(long bytesPerSecond) {
    return limits(l ->
        new OriginLimits(
            l.connectionsMax(),
            bytesPerSecond,
            l.progressDeadline(),
            l.attemptsMax(),
            l.retryDelayMin(),
            l.retryDelayMax()));
  }

  TestContext environment(Map<String, String> variables) {
    environment = variables;
    return this;
  }

  /** Waiting takes no time; the jitter is always half of its range. */
  TestContext clock(FakeClock clock) {
    timing =
        new Timing() {
          @Override
          public long nanos() {
            return clock.nanos();
          }

          @Override
          public Instant now() {
            return clock.instant();
          }

          @Override
          public void sleep(Duration duration) throws InterruptedException {
            clock.sleep(duration);
          }

          @Override
          public double random() {
            return 0.5;
          }
        };
    return this;
  }

  OriginContext build() {
    return new OriginContext(limits, counts, timing, environment::get);
  }

  Origin open(String uri, Map<String, String> options) {
    return Origins.open(uri, new OriginOptions(options), build());
  }

  /** Counts. */
  static final class Counts implements OriginMetrics {
    final AtomicInteger requests = new AtomicInteger();
    final AtomicInteger retries = new AtomicInteger();
    final AtomicLong bytes = new AtomicLong();
    final List<ErrorCode> errors = new CopyOnWriteArrayList<>();

    @Override
    public void request(Operation operation) {
      requests.incrementAndGet();
    }

    @Override
    public void bytes(long count) {
      bytes.addAndGet(count);
    }

    @Override
    public void retry(ErrorCode code) {
      retries.incrementAndGet();
    }

    @Override
    public void error(ErrorCode code) {
      errors.add(code);
    }
  }
}
