package dev.larder.dist.quickstart;

import dev.larder.client.LarderClient;
import dev.larder.dist.quickstart.QuickstartReport.Phase;
import dev.larder.protocol.DataSize;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code larder quickstart}: a bucket on a real S3 server, a cache before it, all of it read cold,
 * warm, and again after {@code kill -9}; every byte is compared and the origin's own log counted.
 */
@Command(
    name = "quickstart",
    description = "Show the main job on real data: bucket, cache, cold, warm and restarted reads.",
    subcommands = {MountQuickstart.class, PodsQuickstart.class})
public final class QuickstartCommand implements Callable<Integer> {
  private static final String DATASET = "sample";

  private static final int NODES_MAX = 9;

  @Mixin QuickstartOptions options;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "1",
      description = "So many agents as processes of a cluster (default: 1, in one process).")
  int nodes;

  @Spec CommandSpec spec;

  private final PrintStream err = System.err;

  @Override
  public Integer call() throws Exception {
    if (nodes < 1 || nodes > NODES_MAX) {
      throw new ParameterException(spec.commandLine(), "--nodes must be 1 to " + NODES_MAX);
    }
    try (QuickstartRig rig = QuickstartRig.open(options, err)) {
      Path source = rig.bucket();
      rig.say("making a dataset of this machine's files in %s", source);
      Files.createDirectories(source);
      SampleDataset.create(source);
      S3Process s3 = rig.startS3();
      boolean isRight = nodes == 1 ? one(rig, source, s3) : several(rig, source);
      if (!options.exit) {
        rig.stay("./larder ls " + DATASET + " && ./larder status");
      }
      return isRight ? 0 : 1;
    }
  }

  private boolean one(QuickstartRig rig, Path source, S3Process s3) throws Exception {
    QuickstartReport report = run(rig, source, s3);
    print(report, report.table(), report.json());
    return report.passed();
  }

  private boolean several(QuickstartRig rig, Path source) throws Exception {
    FleetReport report = new FleetQuickstart(rig, source, nodes, err).run();
    print(report.whole(), report.table(), report.json());
    report.faults().forEach(fault -> err.println("not as it must be: " + fault));
    return report.passed();
  }

  private QuickstartReport run(QuickstartRig rig, Path source, S3Process s3) throws Exception {
    List<Phase> phases = new ArrayList<>();
    long[] totals = new long[3];
    rig.startAgent();
    try (LarderClient client = rig.connect()) {
      client
          .control()
          .create(DATASET, "s3://" + S3Process.BUCKET + "/", rig.datasetOptions(), (o, b) -> {});
      phases.add(phase(rig, "cold", client, source, totals, s3.count()));
      phases.add(phase(rig, "warm", client, source, totals, s3.count()));
    }
    rig.say("kill -9 of the agent (pid %d), then a new one on the same directory", rig.agentPid());
    rig.killAgent();
    S3Process.Count before = s3.count();
    rig.startAgent();
    try (LarderClient client = rig.connect()) {
      phases.add(phase(rig, "restarted", client, source, totals, before));
    }
    return new QuickstartReport(totals[0], totals[1], totals[2], phases);
  }

  private Phase phase(
      QuickstartRig rig,
      String name,
      LarderClient client,
      Path source,
      long[] totals,
      S3Process.Count before)
      throws InterruptedException {
    long startNanos = System.nanoTime();
    DatasetReader.Result result = new DatasetReader(client, DATASET, source, err).readAll();
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    S3Process.Count origin = rig.s3().count().minus(before);
    totals[0] = result.files();
    totals[1] = result.bytes();
    totals[2] += result.mismatches();
    rig.say(
        "%-9s %d files, %s in %.2f s, %s from the origin",
        name,
        result.files(),
        DataSize.human(result.bytes()),
        seconds,
        DataSize.human(origin.contentBytes()));
    return new Phase(name, seconds, result.bytes(), origin.contentBytes(), origin.requests());
  }

  private void print(QuickstartReport report, String table, String json) {
    err.println();
    err.println(
        "%d files, %s; %d differed from their source. Origin figures are the S3 server's own."
            .formatted(report.files(), DataSize.human(report.bytes()), report.mismatches()));
    err.print(table);
    if (options.json) {
      spec.commandLine().getOut().println(json);
      spec.commandLine().getOut().flush();
    }
  }
}
