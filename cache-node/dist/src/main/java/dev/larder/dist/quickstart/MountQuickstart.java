package dev.larder.dist.quickstart;

import dev.larder.client.LarderClient;
import dev.larder.dist.quickstart.QuickstartReport.Phase;
import dev.larder.protocol.DataSize;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * {@code larder quickstart mount}: the bucket as a directory, read cold and warm by plain file
 * reads, and read on while the agent is killed again and again; every byte is compared.
 */
@Command(
    name = "mount",
    description = "Show a bucket as a directory, and readers that survive kill -9 of the agent.")
final class MountQuickstart implements Callable<Integer> {
  private static final String DATASET = "sample";
  private static final String LATER = "later";
  private static final int KILLS = 5;
  private static final int LATER_FILES = 8;
  private static final long LATER_BYTES = 64L << 20;

  @Mixin QuickstartOptions options;
  @Spec CommandSpec spec;

  private final PrintStream err = System.err;

  @Override
  public Integer call() throws Exception {
    try (QuickstartRig rig = QuickstartRig.open(options, err)) {
      Path source = rig.bucket().resolve(DATASET);
      Path later = rig.bucket().resolve(LATER);
      rig.say("making a dataset of this machine's files in %s", source);
      Files.createDirectories(source);
      SampleDataset.create(source);
      makeLater(later, LATER_BYTES);
      rig.startS3();
      rig.startAgent();
      Path target = mount(rig, DATASET);
      Path laterTarget = mount(rig, LATER);
      MountReport report = read(rig, source, target, later, laterTarget);
      print(report);
      if (!options.exit) {
        rig.stay("ls -l " + target, "./larder mounts && ./larder status");
      }
      return report.passed() ? 0 : 1;
    }
  }

  private MountReport read(
      QuickstartRig rig, Path source, Path target, Path later, Path laterTarget) throws Exception {
    List<Phase> phases = new ArrayList<>();
    MountReader reader = new MountReader(source, target, err);
    phases.add(phase(rig, "cold", reader));
    phases.add(phase(rig, "warm", reader));

    S3Process.Count before = rig.s3().count();
    long startNanos = System.nanoTime();
    rig.say("readers on complete and on incomplete files; kill -9 of the agent %d times", KILLS);
    Random random = new Random();
    MountReport.Killed killed;
    try (EndlessReaders readers =
        EndlessReaders.start(reader, new MountReader(later, laterTarget, err))) {
      for (int kill = 1; kill <= KILLS; kill++) {
        LockSupport.parkNanos(300_000_000L + random.nextInt(1_200_000_000));
        long pid = rig.agentPid();
        rig.killAgent();
        rig.startAgent();
        rig.say(
            "kill %d: pid %d is gone, pid %d goes on; longest pause so far %.2f s",
            kill, pid, rig.agentPid(), readers.longestPauseSeconds());
      }
      killed = readers.stop(KILLS);
    }
    S3Process.Count origin = rig.s3().count().minus(before);
    phases.add(
        new Phase(
            "killed",
            (System.nanoTime() - startNanos) / 1e9,
            killed.bytes(),
            origin.contentBytes(),
            origin.requests()));
    return new MountReport(
        reader.files(),
        reader.bytes(),
        reader.mismatches() + reader.errors() + killed.mismatches(),
        phases,
        killed);
  }

  private static Phase phase(QuickstartRig rig, String name, MountReader reader)
      throws InterruptedException, IOException {
    S3Process.Count before = rig.s3().count();
    long startNanos = System.nanoTime();
    reader.readAll();
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    S3Process.Count origin = rig.s3().count().minus(before);
    rig.say(
        "%-9s %d files, %s in %.2f s, %s from the origin",
        name,
        reader.files(),
        DataSize.human(reader.bytes()),
        seconds,
        DataSize.human(origin.contentBytes()));
    return new Phase(name, seconds, reader.bytes(), origin.contentBytes(), origin.requests());
  }

  private Path mount(QuickstartRig rig, String dataset) throws IOException, InterruptedException {
    try (LarderClient client = rig.connect()) {
      client
          .control()
          .create(
              dataset,
              "s3://" + S3Process.BUCKET + "/" + dataset,
              rig.datasetOptions(),
              (o, b) -> {});
    }
    Path target = Files.createDirectories(rig.work().resolve("mnt").resolve(dataset));
    rig.larder("mount", dataset, target.toString(), "--background");
    rig.beforeClean(() -> unmount(rig, target));
    rig.say("%s is mounted at %s", dataset, target);
    return target;
  }

  private void unmount(QuickstartRig rig, Path target) {
    try {
      rig.larder("unmount", target.toString(), "--force");
    } catch (IOException | RuntimeException e) {
      err.println("larder: could not unmount " + target + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Files nobody reads before the kills begin, so that they are incomplete then. */
  static void makeLater(Path directory, long fileBytes) throws IOException {
    Files.createDirectories(directory);
    byte[] piece = new byte[1 << 20];
    for (int i = 0; i < LATER_FILES; i++) {
      Random random = new Random(i);
      Path file = directory.resolve(String.format(Locale.ROOT, "part-%02d.bin", i));
      try (var out = Files.newOutputStream(file)) {
        for (long done = 0; done < fileBytes; done += piece.length) {
          random.nextBytes(piece);
          out.write(piece);
        }
      }
    }
  }

  private void print(MountReport report) {
    err.println();
    err.print(report.text());
    if (options.json) {
      spec.commandLine().getOut().println(report.json());
      spec.commandLine().getOut().flush();
    }
  }
}
