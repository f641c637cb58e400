package dev.larder.perf;

import dev.larder.perf.process.Children;
import dev.larder.perf.process.MachineCpu;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What {@code perf/run} starts: runs measures and prints figures. Status 0 when all could be
 * measured, whether goals were missed or not; 1 when one failed; 2 for a wrong command line.
 */
public final class PerfMain {
  private PerfMain() {}

  public static void main(String[] arguments) throws IOException {
    Map<String, Measure> all = new LinkedHashMap<>();
    Measures.all().forEach(measure -> all.put(measure.name(), measure));
    Arguments parsed;
    try {
      parsed = Arguments.parse(List.of(arguments), all.keySet());
    } catch (IllegalArgumentException e) {
      System.err.println("perf: " + e.getMessage());
      System.exit(2);
      return;
    }
    if (parsed.list()) {
      all.values()
          .forEach(measure ->
              System.out.printf(Locale.ROOT, "%-17s %s%n", measure.name(), measure.about()));
      return;
    }
    Path root = Path.of(System.getProperty("larder.root", "")).toAbsolutePath();
    Path work = Path.of(System.getProperty("larder.perf.work", root + "/perf/target/work"));
    Files.createDirectories(work);
    List<Measure> wanted =
        parsed.names().isEmpty()
            ? List.copyOf(all.values())
            : parsed.names().stream().map(all::get).toList();
    int failures;
    try (Children children = new Children(work.resolve("logs"))) {
      Thread hook = new Thread(children::close, "end-children");
      Runtime.getRuntime().addShutdownHook(hook);
      Bench bench = new Bench(root, work, parsed.longForm(), children, System.err);
      failures = run(wanted, bench, parsed.json(), System.out);
    }
    System.exit(failures == 0 ? 0 : 1);
  }

  /** Runs measures one by one; returns how many could not be measured. */
  static int run(List<Measure> measures, Bench bench, boolean json, PrintStream out) {
    bench.say(Machine.describe());
    List<Figure> figures = new ArrayList<>();
    int failures = 0;
    for (Measure measure : measures) {
      bench.say("— " + measure.name() + ": " + measure.about());
      try {
        MachineCpu before = MachineCpu.now();
        measure.run(
            bench,
            figure -> {
              figures.add(figure);
              if (json) {
                out.println(figure.json());
              }
            });
        // Closed first: the CPU of a child counts once it was waited for.
        bench.children().close();
        MachineCpu after = MachineCpu.now();
        bench.say(
            String.format(
                Locale.ROOT,
                "  %s took %.0f s; others used %.2f of %d cores meanwhile",
                measure.name(),
                (after.nanos() - before.nanos()) / 1e9,
                after.othersCoresSince(before),
                Runtime.getRuntime().availableProcessors()));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return failures + 1;
      } catch (Exception | Error e) {
        // An Error too: a class that cannot be loaded here must not take the other figures away.
        failures++;
        bench.say("perf: " + measure.name() + " could not be measured: " + e);
        e.printStackTrace(bench.people());
      } finally {
        bench.children().close();
      }
    }
    if (!json) {
      out.print(table(figures));
    }
    return failures;
  }

  /** Figures in columns. */
  static String table(List<Figure> figures) {
    StringBuilder text = new StringBuilder();
    String row = "%-28s %12s %12s %8s %8s  %-6s %s%n";
    text.append(
        String.format(
            Locale.ROOT, row, "name", "value", "baseline", "ratio", "goal", "holds", "unit"));
    for (Figure figure : figures) {
      Boolean holds = figure.holds();
      text.append(
          String.format(
              Locale.ROOT,
              row,
              figure.name(),
              Figure.number(figure.value()),
              orBlank(figure.baseline()),
              orBlank(figure.ratio()),
              figure.goalText(),
              holds == null ? "" : holds ? "yes" : "NO",
              figure.unit()));
    }
    return text.toString();
  }

  private static String orBlank(@org.jspecify.annotations.Nullable Double value) {
    return value == null ? "" : Figure.number(value);
  }
}
