package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sealed file is damaged on disk and set aside by the scrub while readers have it open. */
class DamagedBlobTest {
  private static final int AT = 5_000_000;

  @TempDir Path directory;

  @BeforeEach
  void needs() {
    Needs.root();
  }

  @Test
  void heldByTheKernelItStaysAndWhoOpensLaterGetsTheRightBytes() throws Exception {
    try (MountedNode mounted = MountedNode.start(directory, "scrub.bytes-per-second=1GiB")) {
      String path = MountedNode.OTHER;
      byte[] right = mounted.files.get(path);
      mounted.complete(path);
      try (FileChannel held = FileChannel.open(mounted.target.resolve(path));
          Arena arena = Arena.ofConfined()) {
        MemorySegment mapped = held.map(FileChannel.MapMode.READ_ONLY, 0, right.length, arena);
        assertEquals(-1, MemorySegment.ofArray(right).mismatch(mapped));
        damage(mounted, path);
        // Promised: who has it open goes on with what it opened, without an error.
        byte[] damaged = right.clone();
        damaged[AT] ^= 4;
        ByteBuffer read = ByteBuffer.allocate(right.length);
        while (read.hasRemaining() && held.read(read, read.position()) > 0) {
          // Until all is read.
        }
        assertArrayEquals(damaged, read.array(), "read");
        assertEquals(-1, MemorySegment.ofArray(damaged).mismatch(mapped), "mapped");
        mounted.compareOthers(path);
      }
      mounted.await(
          "who opens it now gets the right bytes",
          () -> Arrays.equals(right, Files.readAllBytes(mounted.target.resolve(path))));
      // For good: nothing brings the damaged file back.
      mounted.complete(path);
      mounted.compare();
      assertTrue(count(directory.resolve("node/data/quarantine")) > 0, "it was kept aside");
      mounted.unmountCleanly();
    }
  }

  @Test
  void heldThroughFuseTheKernelsCopyIsDropped() throws Exception {
    try (MountedNode mounted =
        MountedNode.start(directory, "scrub.bytes-per-second=1GiB", "mount.passthrough=false")) {
      NodeProcess node = mounted.node();
      String path = MountedNode.OTHER;
      byte[] right = mounted.files.get(path);
      try (FileChannel held = FileChannel.open(mounted.target.resolve(path))) {
        assertArrayEquals(right, read(held, right.length));
        try (LarderClient client = node.connect()) {
          mounted.await(
              "it is sealed", () -> client.control().statJson("data", path).contains("\"sealed\""));
        }
        assertArrayEquals(right, read(held, right.length));
        mounted.await("the kernel has it all", () -> !asksAgent(node, held, right));
        double before = node.metric("larder_fuse_reads_total");
        damage(mounted, path);
        mounted.await(
            "the kernel dropped its copy and asks again",
            () -> {
              assertArrayEquals(right, read(held, right.length), "by the old handle");
              byte[] opened = Files.readAllBytes(mounted.target.resolve(path));
              assertArrayEquals(right, opened, "opened meanwhile");
              return node.metric("larder_fuse_reads_total") > before;
            });
      }
      mounted.compare();
      mounted.unmountCleanly();
    }
  }

  /** Whether reading all of an open file asks the agent for any of it. */
  private static boolean asksAgent(NodeProcess node, FileChannel held, byte[] right)
      throws Exception {
    double before = node.metric("larder_fuse_reads_total");
    assertArrayEquals(right, read(held, right.length));
    return node.metric("larder_fuse_reads_total") > before;
  }

  /** Flips a bit of the sealed file and waits until the scrub has set it aside. */
  private void damage(MountedNode mounted, String path) throws Exception {
    Path blob = blob(mounted.files.get(path).length);
    try (RandomAccessFile raw = new RandomAccessFile(blob.toFile(), "rw")) {
      raw.seek(AT);
      int old = raw.read();
      raw.seek(AT);
      raw.write(old ^ 4);
      raw.getFD().sync();
    }
    mounted.await("the scrub sets it aside", () -> !Files.exists(blob));
  }

  private Path blob(long bytes) throws Exception {
    try (Stream<Path> blobs = Files.walk(directory.resolve("node/data/blobs"))) {
      return blobs
          .filter(file -> Files.isRegularFile(file) && file.toFile().length() == bytes)
          .findFirst()
          .orElseThrow();
    }
  }

  private static long count(Path folder) throws Exception {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).count();
    }
  }

  private static byte[] read(FileChannel channel, int bytes) throws Exception {
    ByteBuffer buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining() && channel.read(buffer, buffer.position()) > 0) {
      // Until all is read.
    }
    return buffer.array();
  }
}
