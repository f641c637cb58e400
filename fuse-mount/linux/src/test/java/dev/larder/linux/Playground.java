package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.CatalogOptions;
import dev.larder.erofs.CatalogWriter;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.testkit.Needs;
import dev.larder.testkit.Reaper;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A folder of its own for mounts, with blobs and catalogs; nothing mounted below it or started for
 * it is left behind, not even by a JVM that is killed.
 */
final class Playground implements AutoCloseable {
  final Path root;
  final Path blobs;
  private final Reaper reaper;
  private int images;

  Playground() throws IOException {
    this("");
  }

  /** A folder whose name has odd characters in it. */
  Playground(String odd) throws IOException {
    Needs.root();
    root = Files.createTempDirectory("play" + odd).toRealPath();
    reaper = new Reaper(root);
    blobs = directory("blobs" + odd);
  }

  Path directory(String name) throws IOException {
    return Files.createDirectories(root.resolve(name));
  }

  /** Ends with this, whatever happens. */
  Process watch(Process process) throws IOException {
    reaper.watch(process.pid());
    return process;
  }

  /** Writes a catalog of these files, and none of their blobs. */
  Path catalog(Map<String, byte[]> files) throws Exception {
    Path image = root.resolve("image " + images++);
    try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, root)) {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        byte[] bytes = file.getValue();
        writer.add(
            CatalogEntry.file(
                file.getKey(), bytes.length, Instant.ofEpochSecond(1_000_000), key(bytes), "v"));
      }
      assertEquals(0, writer.finish(image).skippedTotal());
    }
    return image;
  }

  /** Puts the blobs of these files into a folder. */
  static void store(Path folder, Map<String, byte[]> files) throws Exception {
    for (byte[] bytes : files.values()) {
      store(folder, key(bytes), bytes);
    }
  }

  static void store(Path folder, BlobKey key, byte[] bytes) throws Exception {
    Path blob = folder.resolve(key.diskName());
    Files.createDirectories(blob.getParent());
    Files.write(blob, bytes);
  }

  static BlobKey key(byte[] bytes) throws Exception {
    return BlobKey.sha256(Digest.of(MessageDigest.getInstance("SHA-256").digest(bytes)));
  }

  /** Files of 0 to 300,000 bytes in a few folders. */
  static Map<String, byte[]> files(Random random, int count) {
    Map<String, byte[]> files = new TreeMap<>();
    for (int i = 0; i < count; i++) {
      byte[] bytes = new byte[i == 0 ? 0 : random.nextInt(i % 10 == 0 ? 300_000 : 5000)];
      random.nextBytes(bytes);
      files.put("d" + i % 7 + "/e" + i % 3 + "/file, with \\ and: " + i, bytes);
    }
    return files;
  }

  /** Everything below a directory. */
  static Map<String, byte[]> read(Path directory) throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : (Iterable<Path>) all::iterator) {
        if (Files.isRegularFile(path)) {
          files.put(directory.relativize(path).toString(), Files.readAllBytes(path));
        }
      }
    }
    return files;
  }

  static void assertSame(Map<String, byte[]> expected, Map<String, byte[]> seen) {
    assertEquals(expected.keySet(), seen.keySet());
    expected.forEach((name, bytes) ->
        assertEquals(-1, java.util.Arrays.mismatch(bytes, seen.get(name)), "bytes of " + name));
  }

  List<MountEntry> mounts() throws IOException {
    return MountTable.read().below(root);
  }

  /** Files below this that a loop device stands over. */
  List<String> loops() throws IOException {
    List<String> found = new ArrayList<>();
    try (DirectoryStream<Path> devices = Files.newDirectoryStream(Path.of("/sys/block"), "loop*")) {
      for (Path device : devices) {
        try {
          String backing = Files.readString(device.resolve("loop/backing_file")).strip();
          if (backing.startsWith(root.toString())) {
            found.add(backing);
          }
        } catch (java.nio.file.NoSuchFileException e) {
          // It stands over nothing.
        }
      }
    }
    return found;
  }

  @Override
  public void close() throws Exception {
    try {
      for (int round = 0; round < 8; round++) {
        for (MountEntry entry : mounts().reversed()) {
          try {
            Unmount.lazily(Path.of(entry.mountPoint()));
          } catch (LinuxException e) {
            // It went with the one above it.
          }
        }
      }
    } finally {
      reaper.close();
    }
    assertEquals(List.of(), mounts());
    List<Path> all;
    try (Stream<Path> walk = Files.walk(root)) {
      all = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : all) {
      Files.delete(path);
    }
  }
}
