package dev.larder.dist.quickstart;

import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.quickstart.PodHost.Pod;
import dev.larder.dist.quickstart.PodsReport.Phase;
import dev.larder.protocol.DataSize;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code larder quickstart pods}: a pod that reads a dataset cold, the same pod on the warmed node,
 * and once more while the agent is killed under its readers; on a real kubelet where one can be
 * built here. Every byte is compared.
 */
@Command(
    name = "pods",
    description = {
      "Show pods that read a dataset, on a real Kubernetes of one node where it can be built.",
      "It is built of its Go modules, some five minutes the first time."
    })
final class PodsQuickstart implements Callable<Integer> {
  private static final String DATASET = "sample";
  private static final String LATER = "later";
  private static final int KILLS = 3;
  private static final long LATER_FILE_BYTES_MAX = 64L << 20;
  private static final long BYTES_MIN = 16L << 20;
  private static final Duration READ_LIMIT = Duration.ofMinutes(5);
  private static final long LOOK_NANOS = 50_000_000;

  private enum Kubelet {
    AUTO,
    REAL,
    FAKE
  }

  @Mixin QuickstartOptions options;

  @Option(
      names = "--kubelet",
      paramLabel = "WHICH",
      defaultValue = "auto",
      description =
          "real: a Kubernetes that is built here, or an error; fake: what a kubelet does, done by"
              + " this program; auto (default): the real one where it can be built and starts.")
  Kubelet wanted;

  @Option(
      names = "--bytes",
      paramLabel = "SIZE",
      defaultValue = "560MiB",
      description = "About so much data (default: ${DEFAULT-VALUE}).")
  String size;

  @Spec CommandSpec spec;

  private final PrintStream err = System.err;
  private final List<Phase> phases = new ArrayList<>();
  private long files;
  private long bytes;
  private long mismatches;
  private long errors;

  @Override
  public Integer call() throws Exception {
    long total = DataSize.parse("--bytes", size);
    if (total < BYTES_MIN) {
      throw new ParameterException(
          spec.commandLine(), "--bytes must be at least " + DataSize.human(BYTES_MIN));
    }
    if (!"root".equals(System.getProperty("user.name"))) {
      throw new LarderException(
          ErrorCode.UNSUPPORTED, "quickstart pods mounts volumes, which needs root");
    }
    try (QuickstartRig rig = QuickstartRig.open(options, err)) {
      Path source = rig.bucket().resolve(DATASET);
      Path later = rig.bucket().resolve(LATER);
      rig.say("making a dataset of this machine's files in %s", source);
      Files.createDirectories(source);
      SampleDataset.create(source, total);
      MountQuickstart.makeLater(later, Math.min(LATER_FILE_BYTES_MAX, total / 8));
      PodsReport report;
      try (PodHost host = open(rig)) {
        host.createDataset(DATASET);
        host.createDataset(LATER);
        read("cold", host, rig);
        read("warm", host, rig);
        report = readKilled(host, rig);
        print(report);
        if (!options.exit) {
          rig.stayWith(host.hints());
        }
      }
      return report.passed() ? 0 : 1;
    }
  }

  private PodHost open(QuickstartRig rig) throws IOException, InterruptedException {
    if (wanted == Kubelet.FAKE) {
      return FakePods.start(rig);
    }
    String why = KubeNode.lacks(rig.home());
    if (why.isEmpty()) {
      Path tools = null;
      try {
        tools = KubeNode.build(rig.home());
        return KubeletPods.start(rig, tools);
      } catch (LarderException e) {
        if (e.code() == ErrorCode.CANCELLED || rig.isEnding()) {
          throw e;
        }
        rig.show(String.valueOf(e.getMessage()));
        why =
            tools == null
                ? "Kubernetes cannot be built"
                : "it is built but does not start, as said above; nothing of it is left";
      }
    } else {
      why = "this machine lacks " + why;
    }
    if (wanted == Kubelet.REAL) {
      throw new LarderException(ErrorCode.UNSUPPORTED, "no real kubelet can be had here: " + why);
    }
    rig.say("no real kubelet can be had here: %s", why);
    rig.say("a fake one does what a kubelet does, with the real driver");
    return FakePods.start(rig);
  }

  /** A pod reads everything, and is deleted. */
  private void read(String name, PodHost host, QuickstartRig rig)
      throws IOException, InterruptedException {
    S3Process.Count before = rig.s3().count();
    Pod pod = host.startPod(name, DATASET, "");
    await(pod, PodReader.PASS, rig);
    passed(name, pod, rig, before);
    pod.delete();
  }

  private PodsReport readKilled(PodHost host, QuickstartRig rig)
      throws IOException, InterruptedException {
    S3Process.Count before = rig.s3().count();
    Pod pod = host.startPod("killed", DATASET, LATER);
    rig.say("readers on complete and on incomplete files; kill -9 of the agent %d times", KILLS);
    await(pod, PodReader.READING, rig);
    Random random = new Random();
    for (int kill = 1; kill <= KILLS; kill++) {
      host.killAgent();
      rig.say("kill %d: another agent goes on", kill);
      // What waited for it is to be answered, or the waits of several kills would be one.
      LockSupport.parkNanos(1_000_000_000L + random.nextInt(1_000_000_000));
    }
    Files.createFile(pod.started().out().resolve(PodReader.STOP));
    await(pod, PodReader.READ, rig);
    PodReader.Read read = PodReader.read(pod.started().out());
    mismatches += read.mismatches();
    errors += read.errors();
    passed("killed", pod, rig, before);
    pod.delete();
    return new PodsReport(
        host.kubelet(),
        files,
        bytes,
        mismatches,
        errors,
        phases,
        new PodsReport.Killed(
            KILLS, read.longestPauseSeconds(), read.bytes(), read.incompleteBytes()));
  }

  private void passed(String name, Pod pod, QuickstartRig rig, S3Process.Count before)
      throws IOException, InterruptedException {
    MountReader.Pass pass = PodReader.pass(pod.started().out());
    files = pass.files();
    bytes = pass.bytes();
    mismatches += pass.mismatches();
    errors += pass.errors();
    double first =
        Double.parseDouble(Files.readString(pod.started().out().resolve(PodReader.FIRST)).strip());
    long origin = rig.s3().count().minus(before).contentBytes();
    Phase phase =
        new Phase(name, pod.started().readySeconds(), first - pod.started().createdAt(), origin);
    phases.add(phase);
    rig.say(
        "%-9s pod ready in %.2f s, its first byte after %.2f s; %d files, %s, %s from the origin",
        name,
        phase.podReadySeconds(),
        phase.firstByteSeconds(),
        files,
        DataSize.human(bytes),
        DataSize.human(origin));
  }

  private static void await(Pod pod, String file, QuickstartRig rig) throws InterruptedException {
    long end = System.nanoTime() + READ_LIMIT.toNanos();
    while (!Files.exists(pod.started().out().resolve(file))) {
      if (pod.isFailed() || System.nanoTime() - end > 0) {
        rig.show(pod.words());
        throw new LarderException(
            ErrorCode.INTERNAL, "a pod does not come to \"" + file + "\"; see above");
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  private void print(PodsReport report) {
    err.println();
    err.print(report.text());
    if (options.json) {
      spec.commandLine().getOut().println(report.json());
      spec.commandLine().getOut().flush();
    }
  }
}
