package dev.larder.dist.quickstart;

import dev.larder.client.LarderClient;
import dev.larder.dist.quickstart.QuickstartReport.Phase;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code larder quickstart}: a bucket on a real S3 server, a cache before it, all of it read cold,
 * warm, and again after {@code kill -9}; every byte is compared and the origin's own log counted.
 */
@Command(
    name = "quickstart",
    description = "Show the main job on real data: bucket, cache, cold, warm and restarted reads.")
public final class QuickstartCommand implements Callable<Integer> {
  private static final String DATASET = "sample";
  private static final Duration START_DEADLINE = Duration.ofSeconds(60);

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

  @Spec CommandSpec spec;

  private final PrintStream err = System.err;

  @Override
  public Integer call() throws Exception {
    Path home = home();
    Path work = workDirectory();
    Thread cleaner = new Thread(() -> clean(work));
    Runtime.getRuntime().addShutdownHook(cleaner);
    QuickstartReport report = run(home, work);
    return report.passed() ? 0 : 1;
  }

  private QuickstartReport run(Path home, Path work) throws Exception {
    Path s3Directory = work.resolve("s3");
    Path source = S3Process.bucket(s3Directory);
    say("making a dataset of this machine's files in %s", source);
    Files.createDirectories(source);
    SampleDataset.create(source);
    int files = S3Process.addEtags(source);
    try (S3Process s3 = S3Process.start(home, s3Directory)) {
      say("an S3 server has %d objects in s3://%s at %s", files, S3Process.BUCKET, s3.endpoint());
      return runPhases(home, work, source, s3);
    }
  }

  private QuickstartReport runPhases(Path home, Path work, Path source, S3Process s3)
      throws Exception {
    List<Phase> phases = new ArrayList<>();
    long[] totals = new long[3];
    ChildProcess agent = startAgent(home, work, s3);
    try {
      try (LarderClient client = connect(work)) {
        Map<String, String> options =
            Map.of("endpoint", s3.endpoint(), "region", S3Process.REGION, "path-style", "true");
        client.control().create(DATASET, "s3://" + S3Process.BUCKET + "/", options, (o, b) -> {});
        phases.add(phase("cold", s3, client, source, totals, s3.count(), System.nanoTime()));
        phases.add(phase("warm", s3, client, source, totals, s3.count(), System.nanoTime()));
      }
      say("kill -9 of the agent (pid %d), then a new one on the same directory", agent.pid());
      agent.kill();
      S3Process.Count before = s3.count();
      agent = startAgent(home, work, s3);
      QuickstartReport report;
      try (LarderClient client = connect(work)) {
        phases.add(phase("restarted", s3, client, source, totals, before, System.nanoTime()));
        report = new QuickstartReport(totals[0], totals[1], totals[2], phases);
        print(report);
      }
      if (!exit) {
        stay(work, s3);
      }
      return report;
    } finally {
      agent.close();
    }
  }

  private Phase phase(
      String name,
      S3Process s3,
      LarderClient client,
      Path source,
      long[] totals,
      S3Process.Count before,
      long startNanos)
      throws InterruptedException {
    DatasetReader.Result result = new DatasetReader(client, DATASET, source, err).readAll();
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    S3Process.Count origin = s3.count().minus(before);
    totals[0] = result.files();
    totals[1] = result.bytes();
    totals[2] += result.mismatches();
    say(
        "%-9s %d files, %s in %.2f s, %s from the origin",
        name,
        result.files(),
        DataSize.human(result.bytes()),
        seconds,
        DataSize.human(origin.contentBytes()));
    return new Phase(name, seconds, result.bytes(), origin.contentBytes(), origin.requests());
  }

  private static ChildProcess startAgent(Path home, Path work, S3Process s3)
      throws InterruptedException, IOException {
    Path ready = readyFile(work);
    Files.deleteIfExists(ready);
    ChildProcess agent =
        ChildProcess.start(
            "larder dev",
            List.of(
                home.resolve("bin").resolve("larder").toString(),
                "dev",
                "--data",
                work.resolve("data").toString(),
                "--run-dir",
                work.resolve("run").toString(),
                "--port",
                "0",
                "--ready-file",
                ready.toString()),
            s3.environment(),
            work.resolve("agent.log"));
    try {
      agent.awaitFile(ready, START_DEADLINE);
      return agent;
    } catch (InterruptedException | LarderException e) {
      agent.close();
      throw e;
    }
  }

  private static LarderClient connect(Path work) {
    return LarderClient.builder().agentFile(readyFile(work)).build();
  }

  private static Path readyFile(Path work) {
    return work.resolve("ready.json");
  }

  private void print(QuickstartReport report) {
    err.println();
    err.println(
        "%d files, %s; %d differed from their source. Origin figures are the S3 server's own."
            .formatted(report.files(), DataSize.human(report.bytes()), report.mismatches()));
    err.print(report.table());
    if (json) {
      spec.commandLine().getOut().println(report.json());
      spec.commandLine().getOut().flush();
    }
  }

  private void stay(Path work, S3Process s3) throws InterruptedException {
    err.println();
    err.println("The S3 server (" + s3.endpoint() + ") and the agent go on. In another shell:");
    err.println("  export LARDER_AGENT=" + readyFile(work));
    err.println("  ./larder ls " + DATASET + " && ./larder status");
    err.println("Ctrl-C ends both" + (keep ? "." : " and removes " + work + "."));
    new CountDownLatch(1).await();
  }

  private static Path home() {
    String home = System.getProperty("larder.home");
    if (home == null) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "quickstart runs from the distribution: ./larder quickstart");
    }
    return Path.of(home);
  }

  private Path workDirectory() throws IOException {
    if (directory == null) {
      return Files.createTempDirectory("larder-quickstart-");
    }
    Files.createDirectories(directory);
    try (Stream<Path> content = Files.list(directory)) {
      if (content.findAny().isPresent()) {
        throw new LarderException(
            ErrorCode.ALREADY_EXISTS, "--dir " + directory + " is not empty; name another one");
      }
    }
    return directory.toAbsolutePath();
  }

  private void clean(Path work) {
    // Children first: they would write into what is being removed.
    ProcessHandle.current().children().forEach(ProcessHandle::destroyForcibly);
    if (keep) {
      return;
    }
    try (Stream<Path> tree = Files.walk(work)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      err.println("larder: could not remove " + work + ": " + e);
    }
  }

  private void say(String format, Object... values) {
    err.println("quickstart: " + String.format(Locale.ROOT, format, values));
  }
}
