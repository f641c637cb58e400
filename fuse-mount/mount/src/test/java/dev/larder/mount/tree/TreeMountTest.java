package dev.larder.mount.tree;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.agent.mount.Mounts.UnmountMode;
import dev.larder.erofs.CatalogPacker;
import dev.larder.erofs.PackOptions;
import dev.larder.mount.contract.Content;
import dev.larder.mount.contract.ContractTree;
import dev.larder.mount.contract.Syscalls;
import dev.larder.mount.contract.Syscalls.Descriptor;
import dev.larder.mount.tree.TreeFixture.Tree;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The life of a tree mount, and what its readers meet. Readers are other processes: one that serves
 * a mount and waits for it cannot even be killed.
 */
final class TreeMountTest {
  private static final Map<String, Content> FILES =
      Map.of(
          "a", Content.of(1, 100_000),
          "dir/b", Content.of(2, 3_000_000),
          "dir/c", Content.of(3, 5000));

  private ContractTree tree;

  @BeforeEach
  void requireSupport() throws Exception {
    TreeFixture.requireSupport();
    tree = ContractTree.ofFiles(FILES);
  }

  private Tree mount() throws IOException {
    return Tree.of(tree, TreeFixture.inMemory(tree.blobs()), false);
  }

  private static boolean isMounted(Path target) throws IOException {
    return MountLine.at(target).isPresent();
  }

  @Test
  void comesAndGoesWithoutATrace() throws Exception {
    Set<Long> before = children();
    Path at;
    try (Tree mounted = mount()) {
      at = mounted.at();
      assertTrue(mounted.mount().isMounted());
      MountLine line = MountLine.at(at).orElseThrow();
      assertEquals("fuse.larder", line.type());
      assertEquals("larder:test@1", line.source());
      assertArrayEquals(FILES.get("dir/b").bytes(), Outside.read(at.resolve("dir/b")));
      assertEquals(before.size() + 1, children().size(), "the watch");
      mounted.mount().close();
      assertFalse(isMounted(at));
      assertFalse(mounted.mount().isMounted());
      assertTrue(mounted.mount().awaitEnd(Duration.ofSeconds(10)));
      mounted.mount().close();
      mounted.mount().unmount(UnmountMode.PLAIN);
    }
    assertFalse(Files.exists(at));
    assertEquals(before, children());
  }

  private static Set<Long> children() {
    Set<Long> shells = new HashSet<>();
    ProcessHandle.current()
        .children()
        .filter(child -> child.info().command().orElse("").endsWith("sh"))
        .forEach(child -> shells.add(child.pid()));
    return shells;
  }

  @Test
  void aBusyMountIsNotTakenAway() throws Exception {
    try (Syscalls sys = Syscalls.start();
        Tree mounted = mount()) {
      Path file = mounted.at().resolve("a");
      try (Descriptor open = sys.open(file, "O_RDONLY")) {
        assertEquals(1, mounted.mount().openFiles());
        LarderException fault =
            assertThrows(LarderException.class, () -> mounted.mount().unmount(UnmountMode.PLAIN));
        assertEquals(ErrorCode.MOUNT_BUSY, fault.code());
        assertTrue(mounted.mount().isMounted());
        assertEquals(1000, sys.call("pread", open, 1000, 0).ok());
        assertArrayEquals(FILES.get("a").bytes(), Outside.read(file));
      }
      mounted.mount().unmount(UnmountMode.PLAIN);
      assertFalse(isMounted(mounted.at()));
    }
  }

  @Test
  void aLazyUnmountLeavesOpenFilesAlone() throws Exception {
    try (Syscalls sys = Syscalls.start();
        Tree mounted = mount()) {
      try (Descriptor open = sys.open(mounted.at().resolve("a"), "O_RDONLY")) {
        mounted.mount().unmount(UnmountMode.LAZY);
        assertFalse(isMounted(mounted.at()));
        assertFalse(Files.exists(mounted.at().resolve("a")));
        assertArrayEquals(FILES.get("a").bytes(), sys.call("pread", open, 200_000, 0).bytes());
        assertFalse(mounted.mount().awaitEnd(Duration.ofMillis(100)));
      }
      assertTrue(mounted.mount().awaitEnd(Duration.ofSeconds(10)));
    }
  }

  @Test
  void closingEndsWhateverIsOpen() throws Exception {
    StuckFiles stuck = new StuckFiles(tree.blobs());
    List<Outside> readers = new ArrayList<>();
    try (Syscalls sys = Syscalls.start();
        Tree mounted = Tree.of(tree, stuck, false)) {
      long open = sys.call("open", mounted.at().resolve("dir/b"), "O_RDONLY").ok();
      for (String path : List.of("a", "dir/b", "dir/c")) {
        readers.add(Outside.start("cat", mounted.at().resolve(path).toString()));
      }
      stuck.awaitReads(3);
      long start = System.nanoTime();
      mounted.mount().close();
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
      assertTrue(millis < 10_000, "closed in " + millis + " ms");
      assertFalse(isMounted(mounted.at()));
      for (Outside reader : readers) {
        assertEquals(1, reader.status(), "cat ends with an error");
      }
      assertFalse(sys.call("pread", open, 10, 0).isOk());
      assertTrue(mounted.mount().awaitEnd(Duration.ofSeconds(10)));
    }
  }

  @Test
  void isTakenAwayFromOutside() throws Exception {
    try (Tree mounted = mount()) {
      List<String> command = TreeHost.ofThisMachine().unmountCommand(mounted.at(), false);
      assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
      assertTrue(mounted.mount().awaitEnd(Duration.ofSeconds(10)));
      assertFalse(mounted.mount().isMounted());
    }
  }

  @Test
  void aReaderThatIsKilledDies() throws Exception {
    StuckFiles stuck = new StuckFiles(tree.blobs());
    try (Tree mounted = Tree.of(tree, stuck, false)) {
      String file = mounted.at().resolve("a").toString();
      for (String flags : List.of("iflag=direct", "iflag=fullblock")) {
        Outside reader = Outside.start("dd", "if=" + file, "of=/dev/null", "bs=4096", flags);
        stuck.awaitReads(1);
        long start = System.nanoTime();
        reader.kill();
        assertEquals(128 + 9, reader.status(), flags);
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(millis < 1000, flags + ": " + millis + " ms");
      }
      stuck.answer();
      assertArrayEquals(FILES.get("dir/c").bytes(), Outside.read(mounted.at().resolve("dir/c")));
    }
  }

  /** More of them than the kernel lets wait by itself. */
  @Test
  void readsThatWaitDoNotHinderOthers() throws Exception {
    Map<String, Content> files = new TreeMap<>(FILES);
    for (int i = 0; i < 30; i++) {
      files.put("stuck/" + i, Content.of(100 + i, 10_000));
    }
    ContractTree many = ContractTree.ofFiles(files);
    StuckFiles stuck = new StuckFiles(many.blobs());
    TreeFiles some =
        node ->
            node.path().startsWith("stuck")
                ? stuck.open(node)
                : TreeFixture.inMemory(many.blobs()).open(node);
    List<Outside> waiting = new ArrayList<>();
    try (Tree mounted = Tree.of(many, some, false)) {
      for (int i = 0; i < 30; i++) {
        waiting.add(Outside.start("cmp", mounted.at().resolve("stuck/" + i) + "", "/dev/zero"));
      }
      stuck.awaitReads(30);
      for (String path : FILES.keySet()) {
        assertArrayEquals(FILES.get(path).bytes(), Outside.read(mounted.at().resolve(path)), path);
      }
      assertEquals(10_000, Files.size(mounted.at().resolve("stuck/7")));
      stuck.answer();
      for (Outside each : waiting) {
        assertEquals(1, each.status(), "cmp finds that the bytes are no zeros");
      }
    }
  }

  @Test
  void fewThreadsServeManyReaders() throws Exception {
    TreeConfig few = new TreeConfig(4, 100, 1);
    try (Tree mounted = Tree.of(tree, TreeFixture.inMemory(tree.blobs()), false, few)) {
      Path file = mounted.at().resolve("dir/b");
      String digest = Outside.sha256(FILES.get("dir/b").bytes());
      List<Outside> readers = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        readers.add(Outside.start("sha256sum", file.toString()));
      }
      for (Outside each : readers) {
        assertEquals(digest, each.text().split(" ")[0]);
      }
      long threads =
          Thread.getAllStackTraces().keySet().stream()
              .filter(thread -> thread.getName().matches("tree-\\d+"))
              .count();
      assertTrue(threads <= 4, threads + " threads");
    }
  }

  @Test
  void openFilesAreBounded() throws Exception {
    TreeConfig few = new TreeConfig(8, 2, 4);
    try (Syscalls sys = Syscalls.start();
        Tree mounted = Tree.of(tree, TreeFixture.inMemory(tree.blobs()), false, few)) {
      Path file = mounted.at().resolve("a");
      try (Descriptor one = sys.open(file, "O_RDONLY");
          Descriptor two = sys.open(file, "O_RDONLY")) {
        assertFalse(one.toString().equals(two.toString()));
        assertEquals("ENFILE", sys.call("open", file, "O_RDONLY").errno());
      }
      // The kernel releases a file after close has returned.
      while (mounted.mount().openFiles() > 1) {
        Thread.onSpinWait();
      }
      sys.open(file, "O_RDONLY").close();
    }
  }

  @Test
  void faultsBecomeErrnos() throws Exception {
    Map<String, ErrorCode> faults = new ConcurrentHashMap<>();
    AtomicInteger opened = new AtomicInteger();
    TreeFiles faulty =
        node -> {
          opened.incrementAndGet();
          ErrorCode code = faults.get(node.path());
          if (code != null) {
            throw new LarderException(code, "as the test wished");
          }
          return TreeFixture.inMemory(tree.blobs()).open(node);
        };
    try (Syscalls sys = Syscalls.start();
        Tree mounted = Tree.of(tree, faulty, false)) {
      Map<ErrorCode, String> expected =
          Map.of(
              ErrorCode.ORIGIN_CHANGED, "ESTALE",
              ErrorCode.ORIGIN_UNAVAILABLE, "EIO",
              ErrorCode.ORIGIN_GONE, "EIO",
              ErrorCode.DEADLINE, "EIO",
              ErrorCode.TOO_MANY, "EIO",
              ErrorCode.INTERNAL, "EIO");
      for (Map.Entry<ErrorCode, String> each : expected.entrySet()) {
        faults.put("dir/c", each.getKey());
        // Past the page cache, which turns every fault of a reading ahead into EIO.
        try (Descriptor file = sys.open(mounted.at().resolve("dir/c"), "O_RDONLY|O_DIRECT")) {
          assertEquals(
              each.getValue(), sys.call("pread", file, 4096, 0).errno(), each.getKey().name());
          assertEquals("EIO", sys.call("pread", file, 4096, 0).errno().replace("ESTALE", "EIO"));
        }
        try (Descriptor file = sys.open(mounted.at().resolve("dir/c"), "O_RDONLY")) {
          assertFalse(sys.call("pread", file, 100, 0).isOk());
          faults.clear();
          // The fault is not kept.
          assertArrayEquals(
              FILES.get("dir/c").bytes(0, 100), sys.call("pread", file, 100, 0).bytes());
          sys.call("fadvise", file, "POSIX_FADV_DONTNEED").ok();
        }
      }
      assertTrue(opened.get() > 2 * expected.size());
    }
  }

  @Test
  void aPackedCatalogNeedsNoFiles() throws Exception {
    Path directory = Files.createTempDirectory("tree");
    Path plain = directory.resolve("plain");
    tree.writeCatalog(plain, directory);
    Path packed = directory.resolve("packed");
    CatalogPacker.pack(
        plain,
        packed,
        key -> ByteBuffer.wrap(tree.blobs().get(key).bytes()),
        PackOptions.DEFAULT.withFileBytesMax(1 << 20));
    TreeFiles large =
        node -> {
          assertEquals("dir/b", node.path());
          return TreeFixture.inMemory(tree.blobs()).open(node);
        };
    try (Tree mounted = Tree.of(directory, packed, large, false, TreeConfig.defaults())) {
      for (Map.Entry<String, Content> file : FILES.entrySet()) {
        assertArrayEquals(
            file.getValue().bytes(), Outside.read(mounted.at().resolve(file.getKey())));
      }
    }
  }
}
