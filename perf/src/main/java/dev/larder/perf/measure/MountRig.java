package dev.larder.perf.measure;

import dev.larder.client.Control.MountRequest;
import dev.larder.perf.Bench;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.Reaper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A {@link Rig} with mounts. They and the keeper go when it is closed, also when the harness is
 * killed.
 */
final class MountRig implements AutoCloseable {
  private final Bench bench;
  private final Rig rig;
  private final Reaper reaper;
  private final Path mounts;
  private final List<Path> mounted = new ArrayList<>();
  private boolean isKeeperWatched;

  private MountRig(Bench bench, Rig rig, Reaper reaper, Path mounts) {
    this.bench = bench;
    this.rig = rig;
    this.reaper = reaper;
    this.mounts = mounts;
  }

  /** Starts origin and larder, as {@link Rig#start(Bench, Path, long, List)}. */
  static MountRig start(Bench bench, Path files, long bytesPerSecond, String... settings)
      throws Exception {
    Reaper reaper = new Reaper(bench.work());
    try {
      Path mounts = bench.fresh("mounts");
      return new MountRig(
          bench, Rig.start(bench, files, bytesPerSecond, List.of(settings)), reaper, mounts);
    } catch (Exception e) {
      reaper.close();
      throw e;
    }
  }

  Rig rig() {
    return rig;
  }

  /** Mounts a dataset by the kernel. */
  Path mount(String dataset) throws IOException {
    return mount(dataset, "kernel");
  }

  /** Mounts a dataset; kind is kernel or tree. */
  Path mount(String dataset, String kind) throws IOException {
    Path target = directory(dataset + "-" + kind);
    rig.client()
        .control()
        .mount(new MountRequest(dataset, target.toString(), false, false, false, kind));
    mounted.add(target);
    if (kind.equals("kernel") && !isKeeperWatched) {
      reaper.watch(keeperPid());
      isKeeperWatched = true;
    }
    return target;
  }

  /** A directory to mount at; what others mount there goes with the rest at the end. */
  Path directory(String name) throws IOException {
    return Files.createDirectories(mounts.resolve(name));
  }

  /** Takes a mount away. */
  void unmount(Path target) {
    rig.client().control().unmount(target.toString(), "plain");
    mounted.remove(target);
  }

  /** The process that holds the mounts. */
  long keeperPid() throws IOException {
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      for (Path process : processes.toList()) {
        Path name = process.getFileName();
        if (name != null && name.toString().matches("[0-9]+") && isKeeper(process)) {
          return Long.parseLong(name.toString());
        }
      }
    }
    throw new IOException("no keeper runs for " + rig.run());
  }

  private boolean isKeeper(Path process) {
    try {
      String line = Files.readString(process.resolve("cmdline"));
      return line.contains("KeeperMain") && line.contains(rig.run().toString());
    } catch (IOException e) {
      // It ended while /proc was read.
      return false;
    }
  }

  /** The store's file of so many bytes: how a sealed blob lies on the disk. */
  Path storedFile(long sizeBytes) throws IOException {
    try (Stream<Path> files = Files.walk(rig.data())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (Files.size(file) == sizeBytes) {
          return file;
        }
      }
    }
    throw new IOException("no file of " + sizeBytes + " bytes in " + rig.data());
  }

  @Override
  public void close() throws IOException {
    for (Path target : List.copyOf(mounted)) {
      try {
        rig.client().control().unmount(target.toString(), "force");
      } catch (LarderException e) {
        bench.say("  " + target.getFileName() + " was not unmounted: " + e.getMessage());
      }
    }
    rig.close();
    // Ends what is left: the keeper, and mounts that larder could not take away.
    reaper.close();
  }
}
