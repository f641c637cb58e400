package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.nio.file.ExtendedOpenOption;
import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The cache runs full while a file is held open, in each of the ways in which a file can be read:
 * its bytes stay right, others go in its place, and once it is closed it goes like them.
 */
class EvictionModesTest {
  private static final String HELD = MountedNode.OTHER;
  private static final String FIRST = MountedNode.MODEL;
  private static final String SECOND = "large/second.bin";
  private static final String WHOLE = "large/whole.bin";

  /** Room for the held file and one of the two others, or for the largest alone. */
  private static final long BUDGET = 24L << 20;

  private static final int ROUNDS = 3;
  private static final int ALIGNMENT = 4096;

  @TempDir Path directory;

  /** How the held file is read. */
  private enum Mode {
    /** Opened before it was complete: through the agent until its last close. */
    USER_SPACE,
    /** Opened through FUSE when it was complete: the kernel reads the file behind it. */
    PASSTHROUGH,
    /** As before, but passthrough is switched off. */
    PASSTHROUGH_OFF,
    /** Opened when the overlay shows the plain file. */
    NATIVE,
    /** As before, but only a mapping is left of it. */
    NATIVE_MAPPED;

    boolean isNative() {
      return this == NATIVE || this == NATIVE_MAPPED;
    }
  }

  @BeforeEach
  void needs() {
    Needs.root();
  }

  @ParameterizedTest
  @EnumSource
  void whatIsOpenStaysRightAndOthersGo(Mode mode) throws Exception {
    try (MountedNode mounted =
        MountedNode.startEmpty(
            directory,
            "store.disk-max=24MiB",
            "mount.passthrough=" + (mode != Mode.PASSTHROUGH_OFF),
            "mount.remount-interval=" + (mode.isNative() ? "200ms" : "10m"))) {
      NodeProcess node = mounted.node();
      Random random = new Random(3);
      mounted.add(random, HELD, 6 << 20);
      mounted.add(random, FIRST, 15 << 20);
      mounted.add(random, SECOND, (15 << 20) + 1);
      mounted.add(random, WHOLE, 23 << 20);
      mounted.create(mounted.source.toUri().toString(), Map.of());
      mounted.mount(false);
      makeReady(mounted, mode);
      double opens = node.metric("larder_fuse_opens_total");
      double passed = node.metric("larder_fuse_passthrough_opens_total");
      byte[] right = mounted.files.get(HELD);
      try (FileChannel channel = FileChannel.open(mounted.target.resolve(HELD));
          Arena arena = Arena.ofConfined();
          MountReaders readers = MountReaders.start(mounted.target, mounted.files, 0)) {
        MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, right.length, arena);
        assertEquals(-1, mapped.mismatch(MemorySegment.ofArray(right)));
        awaitSealed(mounted);
        opens = node.metric("larder_fuse_opens_total") - opens;
        passed = node.metric("larder_fuse_passthrough_opens_total") - passed;
        assertEquals(mode.isNative(), opens == 0, "opened through FUSE");
        assertEquals(mode == Mode.PASSTHROUGH, passed > 0, "opened in passthrough");
        if (mode == Mode.NATIVE_MAPPED) {
          channel.close();
        } else {
          readers.holdOpen(HELD);
        }
        for (int round = 0; round < ROUNDS; round++) {
          readPastPageCache(mounted, FIRST);
          readPastPageCache(mounted, SECOND);
          assertEquals(-1, mapped.mismatch(MemorySegment.ofArray(right)), "held and mapped");
        }
        // Each but the first needed the room of the one before.
        double evictions = node.metric("larder_evictions_total");
        assertTrue(evictions >= 2 * ROUNDS - 1, "evictions: " + evictions);
        assertTrue(hasBlob(right.length), "what is open is not evicted: no room would come back");
        assertTrue(node.metric("larder_cache_bytes") <= BUDGET, "within the budget");
        if (mode.isNative()) {
          assertTrue(node.metric("larder_store_eviction_refusals_total") > 0, "by its lease");
        }
        readers.stop();
        assertEquals("", readers.failures());
      }
      mounted.await(
          "nothing is open",
          () ->
              node.metric("larder_fuse_backings") == 0
                  && node.metric("larder_fuse_open_files") == 0);
      // However lately it was refused: nothing else is left to go.
      readPastPageCache(mounted, WHOLE);
      assertFalse(hasBlob(right.length), "closed, it goes");
      assertEquals(
          0, node.metric("larder_node_passthrough_bytes_total"), "bytes read past the store");
      mounted.compare();
      mounted.unmountCleanly();
    }
  }

  /** Brings the file to where its next open is of the mode. */
  private void makeReady(MountedNode mounted, Mode mode) throws Exception {
    if (mode.isNative()) {
      mounted.complete(HELD);
    } else if (mode != Mode.USER_SPACE) {
      byte[] seen = Files.readAllBytes(mounted.target.resolve(HELD));
      assertArrayEquals(mounted.files.get(HELD), seen);
      awaitSealed(mounted);
      // The mode of a file is that of its first open until its last close has arrived.
      NodeProcess node = mounted.node();
      mounted.await("it is closed", () -> node.metric("larder_fuse_open_files") == 0);
    }
  }

  private static void awaitSealed(MountedNode mounted) throws Exception {
    try (LarderClient client = mounted.node().connect()) {
      mounted.await(
          "it is sealed",
          () -> client.control().statJson("data", HELD).replace(" ", "").contains("\"sealed\""));
    }
  }

  /** Reads a file from the cache, not from what the kernel still has of it, and compares it. */
  private static void readPastPageCache(MountedNode mounted, String path) throws Exception {
    byte[] right = mounted.files.get(path);
    ByteBuffer seen = ByteBuffer.allocateDirect(right.length + 2 * ALIGNMENT);
    seen = seen.alignedSlice(ALIGNMENT);
    Path file = mounted.target.resolve(path);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, ExtendedOpenOption.DIRECT)) {
      while (seen.position() < right.length && channel.read(seen, seen.position()) > 0) {
        // Until all is read.
      }
    }
    assertEquals(ByteBuffer.wrap(right), seen.flip(), path);
  }

  private boolean hasBlob(long bytes) throws Exception {
    try (Stream<Path> blobs = Files.walk(directory.resolve("node/data/blobs"))) {
      return blobs.anyMatch(file -> Files.isRegularFile(file) && file.toFile().length() == bytes);
    }
  }
}
