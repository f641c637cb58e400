package dev.larder.perf.measure;

import dev.larder.perf.Bench;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Very many sparse files on ext4, a thousand a directory: in the work directory where that is ext4,
 * else in an image of its own on a loop device, which needs root. Kept for later runs.
 */
final class MetaTree implements AutoCloseable {
  private static final int PER_DIRECTORY = 1000;
  private static final int SIZES = 100_000;
  private static final String EXT4 = "ext4";

  private final Path root;
  private final String fileSystem;
  private final boolean isMounted;
  private final Path place;

  private MetaTree(Path place, Path root, String fileSystem, boolean isMounted) {
    this.place = place;
    this.root = root;
    this.fileSystem = fileSystem;
    this.isMounted = isMounted;
  }

  /** The tree of so many files, made where it is not there yet. */
  static MetaTree of(Bench bench, int count) throws IOException, InterruptedException {
    String name = "files-meta-" + count;
    boolean isExt4 = Files.getFileStore(bench.work()).type().equals(EXT4);
    Path place = Files.createDirectories(bench.work().resolve(name));
    MetaTree tree =
        new MetaTree(
            place,
            place.resolve("tree"),
            isExt4 ? "the work directory's ext4" : "ext4 on a loop device",
            !isExt4);
    if (!isExt4) {
      mountImage(bench.work().resolve(name + ".ext4"), place, count);
    }
    try {
      fill(tree.root, place.resolve("complete"), count);
      return tree;
    } catch (IOException e) {
      tree.close();
      throw e;
    }
  }

  private static void mountImage(Path image, Path place, int count)
      throws IOException, InterruptedException {
    if (!Files.exists(image)) {
      try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
        // 256 bytes an inode, and as much again for directories and the journal.
        file.setLength((512L << 20) + count * 512L);
      }
      run(List.of("mkfs.ext4", "-q", "-N", Integer.toString(2 * count), image.toString()));
    }
    run(List.of("mount", "-o", "loop", image.toString(), place.toString()));
  }

  private static void fill(Path root, Path complete, int count) throws IOException {
    if (Files.exists(complete)) {
      return;
    }
    Bench.delete(root);
    for (int i = 0; i < count; i++) {
      Path directory = root.resolve("train/part-" + i / PER_DIRECTORY);
      if (i % PER_DIRECTORY == 0) {
        Files.createDirectories(directory);
      }
      Path file = directory.resolve("image-" + i + ".jpg");
      try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
        sparse.setLength(i % SIZES + 1);
      }
    }
    Files.createFile(complete);
  }

  private static void run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    if (process.waitFor() != 0) {
      throw new IOException(String.join(" ", command) + " failed");
    }
  }

  Path root() {
    return root;
  }

  /** On what it lies, for people. */
  String fileSystem() {
    return fileSystem;
  }

  @Override
  public void close() throws IOException, InterruptedException {
    // The reaper of mounts takes away whatever is mounted in the work directory, this too.
    if (isMounted && isMountPoint()) {
      run(List.of("umount", place.toString()));
    }
  }

  private boolean isMountPoint() throws IOException, InterruptedException {
    return new ProcessBuilder("mountpoint", "-q", place.toString()).start().waitFor() == 0;
  }
}
