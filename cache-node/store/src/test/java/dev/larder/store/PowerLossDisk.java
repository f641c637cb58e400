package dev.larder.store;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/**
 * A disk that can lose its power: ext4 on a loop device whose image lies on XFS, where a reflink
 * copies the image at one instant.
 *
 * <p>What the copy lacks is what ext4 had not yet handed to the device, that is all that was
 * neither synced nor written back: the page cache of ext4 lies above the loop device. The loop
 * device itself uses direct I/O, so no second cache lies below it. A real disk may also lose what
 * it was handed and not told to flush; this one keeps that.
 *
 * <p>Loop devices are detached while mounted, so each goes with its mount; mounts a killed run left
 * are found in a list and taken away by the next run.
 */
final class PowerLossDisk implements AutoCloseable {
  private static final Path LEFT_BEHIND =
      Path.of(System.getProperty("java.io.tmpdir"), "larder-power-loss-mounts");
  private static final long XFS_BYTES = 2L << 30;

  private final Path folder;
  private final Deque<Path> mounts = new ArrayDeque<>();
  private final Path image;
  private final Path data;
  private int copies;

  private PowerLossDisk(Path folder) {
    this.folder = folder;
    this.image = folder.resolve("xfs").resolve("disk");
    this.data = folder.resolve("data");
  }

  /** Makes and mounts the disk; without root or loop devices fails in CI, else skips the test. */
  static PowerLossDisk create(Path folder, int mebibytes) throws IOException {
    tidyUp();
    PowerLossDisk disk = new PowerLossDisk(folder);
    try {
      sparse(folder.resolve("xfs.image"), XFS_BYTES);
      run("mkfs.xfs", "-q", "-m", "reflink=1", folder.resolve("xfs.image").toString());
      disk.mount(folder.resolve("xfs.image"), folder.resolve("xfs"), false);
      sparse(disk.image, (long) mebibytes << 20);
      // Direct I/O on a reflinked file of XFS goes by its blocks of 4 KiB.
      run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", disk.image.toString());
      disk.mount(disk.image, disk.data, true);
      return disk;
    } catch (IOException e) {
      disk.close();
      String what =
          "power loss needs root, loop devices, xfsprogs and e2fsprogs: " + e.getMessage();
      if ("true".equals(System.getenv("CI"))) {
        throw new AssertionError(what, e);
      }
      Assumptions.abort(what);
      throw e;
    }
  }

  /** Where the disk is mounted. */
  Path data() {
    return data;
  }

  /** Copies the disk as it would be found had the power failed at this instant. */
  Path loseCopy() throws IOException {
    Path copy = folder.resolve("xfs").resolve("copy-" + copies++);
    run("cp", "--reflink=always", image.toString(), copy.toString());
    return copy;
  }

  /** Work on the mounted copy. */
  interface CopyWork {
    void run(Path data) throws IOException;
  }

  /** Mounts a copy, which replays ext4's journal, works on it, and throws the copy away. */
  void withCopy(Path copy, CopyWork work) throws IOException {
    Path point = folder.resolve("copy");
    try {
      mount(copy, point, true);
      try {
        work.run(point);
      } finally {
        unmount(point);
      }
    } finally {
      Files.delete(copy);
    }
  }

  private void mount(Path file, Path point, boolean direct) throws IOException {
    Files.createDirectories(point);
    String device =
        run("losetup", "--find", "--show", "--direct-io=" + (direct ? "on" : "off"), file + "");
    try {
      String left = Files.exists(LEFT_BEHIND) ? Files.readString(LEFT_BEHIND) : "";
      Files.writeString(LEFT_BEHIND, left + point + "\n");
      run("mount", device, point.toString());
      mounts.push(point);
    } finally {
      // While mounted this only marks the device to go with the mount.
      run("losetup", "--detach", device);
    }
  }

  private void unmount(Path point) throws IOException {
    mounts.remove(point);
    try {
      run("umount", point.toString());
    } catch (IOException e) {
      run("umount", "--lazy", point.toString());
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    IOException fault = null;
    while (!mounts.isEmpty()) {
      try {
        unmount(mounts.peek());
      } catch (IOException e) {
        fault = e;
      }
    }
    Files.deleteIfExists(LEFT_BEHIND);
    if (fault != null) {
      throw fault;
    }
  }

  /** Mounts that a killed run of this test left; the list names the outermost first. */
  private static void tidyUp() throws IOException {
    if (!Files.exists(LEFT_BEHIND)) {
      return;
    }
    List<String> mounted = Files.readAllLines(Path.of("/proc/self/mounts"));
    for (String point : Files.readAllLines(LEFT_BEHIND).reversed()) {
      if (mounted.stream().anyMatch(line -> line.contains(" " + point + " "))) {
        run("umount", "--lazy", point);
      }
    }
    Files.delete(LEFT_BEHIND);
  }

  private static void sparse(Path file, long bytes) throws IOException {
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(bytes);
    }
  }

  private static String run(String... command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().merge("PATH", ":/usr/sbin:/sbin", String::concat);
    Process process = builder.start();
    String said =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    try {
      int status = process.waitFor();
      if (status != 0) {
        throw new IOException(String.join(" ", command) + " exited " + status + ": " + said);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted: " + String.join(" ", command), e);
    }
    return said;
  }
}
