package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import dev.larder.perf.Figure;
import dev.larder.perf.Goal;
import dev.larder.perf.Rounds;
import dev.larder.perf.Samples;
import dev.larder.perf.process.PageCache;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Names and attributes of very many files through a mount, against the same tree on ext4. */
public final class MountMeta extends MountMeasure {
  private static final int FILES = 200_000;
  private static final int FILES_LONG = 1_000_000;

  public MountMeta() {
    super(
        "mount-meta",
        "find and stat of 200,000 files (--long: 1,000,000) through a mount against ext4; mount");
  }

  @Override
  void measure(Bench bench, Consumer<Figure> results) throws Exception {
    int count = bench.longForm() ? FILES_LONG : FILES;
    try (MetaTree tree = MetaTree.of(bench, count);
        MountRig mounts = MountRig.start(bench, bench.fresh("files-none"), 0)) {
      bench.say("  " + count + " files; the other tree lies on " + tree.fileSystem());
      mounts
          .rig()
          .client()
          .control()
          .create("meta", tree.root().toUri().toString(), Map.of(), (objects, bytes) -> {});
      results.accept(mountTime(bench, mounts, name() + "-mount", false));
      results.accept(mountTime(bench, mounts, name() + "-mount-cold", true));
      Path target = mounts.mount("meta");
      long expected = find(tree.root(), List.of("-type", "f"));
      long seen = find(target, List.of("-type", "f"));
      if (expected != count || seen != count) {
        throw new IOException(seen + " files through the mount, " + expected + " in the tree");
      }
      compare(bench, results, target, tree.root());
    }
  }

  private static Figure mountTime(Bench bench, MountRig mounts, String name, boolean isCold)
      throws Exception {
    Samples millis = new Samples();
    for (int round = 0; round <= Rounds.COUNT; round++) {
      if (isCold && !PageCache.drop()) {
        throw new IOException("the page cache could not be dropped");
      }
      long started = System.nanoTime();
      Path target = mounts.mount("meta");
      double took = (System.nanoTime() - started) / 1e6;
      mounts.unmount(target);
      // The first is uncounted: it starts the keeper.
      if (round > 0) {
        millis.add(took);
      }
    }
    bench.say("  " + name + " " + millis + " ms");
    return Figure.alone(name, "ms", millis.median(), Goal.atMost(100));
  }

  private void compare(Bench bench, Consumer<Figure> results, Path target, Path plain)
      throws Exception {
    List<String> names = List.of();
    List<String> attributes = List.of("-size", "+1000000M");
    record Kind(String name, List<String> expression, boolean isCold, double goal) {}
    for (Kind kind :
        List.of(
            new Kind("-find-cold", names, true, 1),
            new Kind("-find-warm", names, false, 1),
            new Kind("-stat-cold", attributes, true, 2),
            new Kind("-stat-warm", attributes, false, 1.4))) {
      if (!kind.isCold()) {
        find(target, kind.expression());
        find(plain, kind.expression());
      }
      Rounds rounds =
          Rounds.interleave(
              round -> seconds(target, kind.expression(), kind.isCold()),
              round -> seconds(plain, kind.expression(), kind.isCold()));
      bench.say("  " + name() + kind.name() + " " + rounds + " s");
      results.accept(rounds.figure(name() + kind.name(), "s", Goal.ratioAtMost(kind.goal())));
    }
  }

  private static double seconds(Path root, List<String> expression, boolean isCold)
      throws Exception {
    if (isCold && !PageCache.drop()) {
      throw new IOException("the page cache could not be dropped");
    }
    long started = System.nanoTime();
    find(root, expression);
    return (System.nanoTime() - started) / 1e9;
  }

  /** Runs find(1); how many lines it printed. */
  private static long find(Path root, List<String> expression)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("find", root.toString()));
    command.addAll(expression);
    Process find = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
    long lines = 0;
    byte[] part = new byte[64 << 10];
    try (var out = find.getInputStream()) {
      for (int count = out.read(part); count >= 0; count = out.read(part)) {
        for (int i = 0; i < count; i++) {
          lines += part[i] == '\n' ? 1 : 0;
        }
      }
    }
    if (find.waitFor() != 0) {
      throw new IOException("find of " + root + " failed");
    }
    return lines;
  }
}
