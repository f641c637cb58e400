package dev.larder.agent.metrics;

import dev.larder.store.StoreStats;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.function.Supplier;

/**
 * Shows what the store counts and measures by itself, with the prefix {@code larder_store_}: the
 * store knows its pools, this class only passes them on.
 */
final class StoreCollector implements MultiCollector {
  static final String PREFIX = "larder_store_";

  private final Supplier<StoreStats> stats;

  StoreCollector(Supplier<StoreStats> stats) {
    this.stats = stats;
  }

  @Override
  public MetricSnapshots collect() {
    StoreStats now = stats.get();
    MetricSnapshots.Builder out = MetricSnapshots.builder();
    now.counters()
        .forEach((name, value) ->
            out.metricSnapshot(
                CounterSnapshot.builder()
                    .name(PREFIX + name.replaceAll("_total$", ""))
                    .help("Total of the store since start.")
                    .dataPoint(
                        CounterSnapshot.CounterDataPointSnapshot.builder().value(value).build())
                    .build()));
    now.gauges()
        .forEach((name, value) ->
            out.metricSnapshot(
                GaugeSnapshot.builder()
                    .name(PREFIX + name)
                    .help("Present figure of the store.")
                    .dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder().value(value).build())
                    .build()));
    return out.build();
  }
}
