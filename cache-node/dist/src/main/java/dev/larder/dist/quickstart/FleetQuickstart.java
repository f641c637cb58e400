package dev.larder.dist.quickstart;

import dev.larder.client.LarderClient;
import dev.larder.dist.quickstart.Fleet.Sources;
import dev.larder.dist.quickstart.QuickstartReport.Phase;
import dev.larder.protocol.DataSize;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The main job on a cluster: every node reads the whole dataset at the same moment, and the origin
 * sends it about once. One thread.
 */
final class FleetQuickstart {
  private static final String DATASET = "sample";

  private final QuickstartRig rig;
  private final Path source;
  private final int nodes;
  private final PrintStream err;
  private final List<Phase> phases = new ArrayList<>();
  private final FleetReport.Node[] shares;
  private long files;
  private long bytes;
  private long mismatches;

  FleetQuickstart(QuickstartRig rig, Path source, int nodes, PrintStream err) {
    this.rig = rig;
    this.source = source;
    this.nodes = nodes;
    this.err = err;
    this.shares = new FleetReport.Node[nodes];
    Arrays.setAll(shares, node -> FleetReport.Node.none(Fleet.name(node + 1)));
  }

  FleetReport run() throws InterruptedException, IOException {
    rig.say("starting a coordinator and %d agents", nodes);
    Fleet fleet = rig.startFleet(nodes);
    try (LarderClient client = fleet.connect(1)) {
      client
          .control()
          .create(DATASET, "s3://" + S3Process.BUCKET + "/", rig.datasetOptions(), (o, b) -> {});
    }
    phase("cold", fleet);
    phase("warm", fleet);
    rig.say("kill -9 of %s, then a new agent on its directory", Fleet.name(nodes));
    fleet.kill(nodes);
    fleet.startAgain(nodes);
    phase("restarted", fleet);
    return new FleetReport(new QuickstartReport(files, bytes, mismatches, phases), List.of(shares));
  }

  /** All nodes read everything at once. */
  private void phase(String name, Fleet fleet) throws InterruptedException, IOException {
    boolean isFirst = phases.isEmpty();
    Sources[] before = new Sources[nodes];
    for (int node = 0; node < nodes; node++) {
      before[node] = fleet.sources(node + 1);
    }
    long[] read = new long[nodes];
    S3Process.Count origin = rig.s3().count();
    long startNanos = System.nanoTime();
    long total = 0;
    try (ExecutorService readers = Executors.newFixedThreadPool(nodes)) {
      List<Future<DatasetReader.Result>> results = new ArrayList<>();
      for (int node = 1; node <= nodes; node++) {
        int number = node;
        results.add(
            readers.submit(() -> {
              try (LarderClient client = fleet.connect(number)) {
                return new DatasetReader(client, DATASET, source, err).readAll();
              }
            }));
      }
      for (int node = 0; node < nodes; node++) {
        DatasetReader.Result result = result(results.get(node));
        files = result.files();
        bytes = result.bytes();
        read[node] = result.bytes();
        mismatches += result.mismatches();
        total += result.bytes();
      }
    }
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    for (int node = 0; node < nodes; node++) {
      Sources now = fleet.sources(node + 1, before[node], read[node], isFirst ? read[node] : 0);
      shares[node] = shares[node].plus(now.minus(before[node]), read[node], isFirst);
    }
    S3Process.Count sent = rig.s3().count().minus(origin);
    rig.say(
        "%-9s %d nodes, %s in %.2f s, %s from the origin",
        name, nodes, DataSize.human(total), seconds, DataSize.human(sent.contentBytes()));
    phases.add(new Phase(name, seconds, total, sent.contentBytes(), sent.requests()));
  }

  private static DatasetReader.Result result(Future<DatasetReader.Result> reader)
      throws InterruptedException {
    try {
      return reader.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(
          String.format(Locale.ROOT, "a reader broke: %s", e.getCause()), e);
    }
  }
}
