package dev.larder.agent.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.Map;
import java.util.function.Supplier;

/** Figures by name under a prefix; what ends in {@code _total} counts since the start. */
final class FigureCollector implements MultiCollector {
  private static final String TOTAL = "_total";

  private final String prefix;
  private final String help;
  private final Supplier<Map<String, Long>> figures;

  FigureCollector(String prefix, String help, Supplier<Map<String, Long>> figures) {
    this.prefix = prefix;
    this.help = help;
    this.figures = figures;
  }

  @Override
  public MetricSnapshots collect() {
    MetricSnapshots.Builder out = MetricSnapshots.builder();
    figures
        .get()
        .forEach((name, value) -> {
          if (name.endsWith(TOTAL)) {
            out.metricSnapshot(
                CounterSnapshot.builder()
                    .name(prefix + name.substring(0, name.length() - TOTAL.length()))
                    .help(help)
                    .dataPoint(
                        CounterSnapshot.CounterDataPointSnapshot.builder().value(value).build())
                    .build());
          } else {
            out.metricSnapshot(
                GaugeSnapshot.builder()
                    .name(prefix + name)
                    .help(help)
                    .dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder().value(value).build())
                    .build());
          }
        });
    return out.build();
  }
}
