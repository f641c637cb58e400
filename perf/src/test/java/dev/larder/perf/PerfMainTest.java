package dev.larder.perf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.perf.http.RawHttp;
import dev.larder.perf.origin.OriginProcess;
import dev.larder.perf.process.Children;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PerfMainTest {
  @TempDir Path directory;

  /** The whole way of a real measure, a few requests long: a process, rounds, a figure. */
  private static final class Tiny implements Measure {
    @Override
    public String name() {
      return "tiny";
    }

    @Override
    public String about() {
      return "the harness itself";
    }

    @Override
    public void run(Bench bench, Consumer<Figure> results) throws Exception {
      Path files = bench.fresh("files");
      Files.write(files.resolve("a"), new byte[100_000]);
      try (OriginProcess origin = OriginProcess.start(bench, files, 0)) {
        Rounds.Sampler get =
            round -> {
              try (RawHttp http = RawHttp.connect(origin.address())) {
                return http.get("/bucket/a", Map.of()).gigabytesPerSecond();
              }
            };
        Rounds rounds = Rounds.interleave(get, get);
        assertTrue(origin.process().stat().rssPeakBytes() > 0);
        results.accept(rounds.figure("tiny", "GB/s", Goal.ratioAtLeast(1000)));
      }
    }
  }

  private static final class Broken implements Measure {
    @Override
    public String name() {
      return "broken";
    }

    @Override
    public String about() {
      return "cannot be measured";
    }

    @Override
    public void run(Bench bench, Consumer<Figure> results) throws Exception {
      throw new IOException("no such peer");
    }
  }

  @Test
  void printsFiguresAsJsonLinesAndCountsFailures() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream people = new ByteArrayOutputStream();
    int failures = run(List.of(new Broken(), new Tiny()), true, out, people);
    assertEquals(1, failures, people.toString(StandardCharsets.UTF_8));
    List<String> lines = out.toString(StandardCharsets.UTF_8).lines().toList();
    assertEquals(1, lines.size(), lines.toString());
    assertTrue(lines.getFirst().startsWith("{\"name\":\"tiny\",\"unit\":\"GB/s\",\"value\":"));
    assertTrue(lines.getFirst().endsWith("\"goal\":1000,\"holds\":false}"), lines.getFirst());
    assertTrue(people.toString(StandardCharsets.UTF_8).contains("no such peer"));
  }

  @Test
  void aMissedGoalIsNoFailure() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertEquals(0, run(List.of(new Tiny()), false, out, new ByteArrayOutputStream()));
    String table = out.toString(StandardCharsets.UTF_8);
    assertTrue(table.contains("tiny") && table.contains("NO"), table);
  }

  private int run(
      List<Measure> measures,
      boolean json,
      ByteArrayOutputStream out,
      ByteArrayOutputStream people) {
    try (Children children = new Children(directory.resolve("logs"));
        PrintStream results = new PrintStream(out, true, StandardCharsets.UTF_8);
        PrintStream talk = new PrintStream(people, true, StandardCharsets.UTF_8)) {
      Bench bench = new Bench(directory, directory, false, children, talk);
      return PerfMain.run(measures, bench, json, results);
    }
  }
}
