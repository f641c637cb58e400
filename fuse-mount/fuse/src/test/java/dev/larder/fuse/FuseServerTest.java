package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.nio.file.ExtendedOpenOption;
import dev.larder.fuse.TestBlobs.Manner;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.protocol.BlobKey;
import dev.larder.testkit.Seeds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server on the real kernel, without any layer above. */
class FuseServerTest {
  private static final FuseConfig CONFIG =
      new FuseConfig(64, 1024, 4, 32, 8L << 20, 8, java.time.Duration.ofSeconds(60), true);
  private static final long MIB = 1 << 20;

  @TempDir private Path dir;
  private TestBlobs blobs;
  private Rig rig;

  @BeforeEach
  void mount() throws Exception {
    Rig.needsRoot();
    blobs = new TestBlobs(Files.createDirectory(dir.resolve("blobs")), 2_000_000);
  }

  @AfterEach
  void unmount() throws Exception {
    if (rig != null) {
      blobs.unstick();
      rig.close();
    }
  }

  private FuseServer serve(FuseConfig config) throws Exception {
    rig = new Rig(dir, config);
    return rig.serve(config, blobs);
  }

  @Test
  void readsOfEveryKindGiveTheRightBytes() throws Exception {
    List<Manner> manners = List.of(Manner.LOCAL, Manner.SEALED, Manner.WAITING, Manner.PRELOADED);
    for (Manner manner : manners) {
      for (long size : new long[] {0, 1, 4095, 4096, 4097, 3 * MIB + 123}) {
        BlobKey unused = blobs.add(size, manner, size);
      }
    }
    try (FuseServer server = serve(CONFIG)) {
      assertTrue(rig.state().init().orElseThrow().isPassthrough(), "no passthrough here");
      Seeds.run(random -> {
        for (Manner manner : manners) {
          for (long size : new long[] {0, 1, 4095, 4096, 4097, 3 * MIB + 123}) {
            Path file = rig.path(TestBlobs.key(size, manner));
            assertEquals(size, Files.size(file));
            byte[] whole = Files.readAllBytes(file);
            assertEquals(size, whole.length);
            Content.check(size, 0, ByteBuffer.wrap(whole));
            readRandomly(file, size, size, random);
            readRandomly(file, size, size, random, ExtendedOpenOption.DIRECT);
          }
        }
      });
      awaitTrue(() -> server.stats().openFiles() == 0 && server.stats().backings() == 0);
      FuseStats stats = server.stats();
      assertEquals(0, stats.faults(), stats.toString());
      assertEquals(0, stats.replyErrors(), stats.toString());
      assertEquals(0, stats.malformed(), stats.toString());
      assertTrue(stats.passthroughOpens() >= 12, stats.toString());
      assertTrue(stats.waited() > 0, stats.toString());
    }
  }

  private static void readRandomly(
      Path file, long seed, long size, Random random, OpenOption... options) throws IOException {
    Set<OpenOption> all =
        Set.copyOf(Stream.concat(Stream.of(StandardOpenOption.READ), Stream.of(options)).toList());
    boolean direct = options.length > 0;
    try (FileChannel channel = FileChannel.open(file, all)) {
      for (int i = 0; i < 20; i++) {
        int length = 1 + random.nextInt(300_000);
        long offset = size == 0 ? 0 : random.nextLong(size + 5000);
        if (direct) {
          offset &= -4096;
          length = (length + 4095) & -4096;
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(length + 8192).alignedSlice(4096);
        buffer.limit(length);
        int got = channel.read(buffer, offset);
        long left = size - offset;
        if (left <= 0) {
          assertTrue(got <= 0, "read " + got + " bytes behind the end");
          continue;
        }
        assertEquals(Math.min(length, left), got, "at " + offset + " of " + size);
        Content.check(seed, offset, buffer.flip());
      }
    }
  }

  @Test
  void namesAndAttributes() throws Exception {
    BlobKey key = blobs.add(7, Manner.LOCAL, 5000);
    try (FuseServer server = serve(CONFIG)) {
      Path file = rig.path(key);
      assertEquals(5000, Files.size(file));
      assertEquals("r--r--r--", permissions(file));
      assertEquals("rwx------", permissions(rig.root()));
      assertEquals("r-xr-xr-x", permissions(file.getParent()));
      Map<String, Object> unix = Files.readAttributes(file, "unix:ino,nlink,uid,gid");
      assertEquals(1, unix.get("nlink"));
      assertEquals(0, unix.get("uid"));
      assertEquals(unix, Files.readAttributes(file, "unix:ino,nlink,uid,gid"));
      assertEquals(256, list(rig.root()).size());
      assertTrue(list(rig.root()).contains("00") && list(rig.root()).contains("ff"));
      assertEquals(List.of(), list(file.getParent()));
      assertEquals(0, Files.getFileStore(file).getUnallocatedSpace());

      String name = file.getFileName().toString();
      Path folder = file.getParent();
      String other = folder.getFileName().toString().equals("00") ? "01" : "00";
      for (String absent :
          List.of(
              "000",
              "0",
              "gg",
              "AB",
              "...",
              other + "/" + name,
              folder.getFileName() + "/x",
              folder.getFileName() + "/" + name + "0",
              folder.getFileName() + "/X" + name.substring(1),
              folder.getFileName() + "/" + name.substring(0, 70) + "G")) {
        assertThrows(
            NoSuchFileException.class,
            () -> Files.readAttributes(rig.root().resolve(absent), "*"),
            absent);
      }
      IOException tooLong =
          assertThrows(IOException.class, () -> Files.size(rig.root().resolve("x".repeat(256))));
      assertTrue(tooLong.getMessage().contains("too long"), tooLong.getMessage());
      // A key that comes later is found later: absence is not remembered.
      BlobKey later = TestBlobs.key(8, Manner.LOCAL);
      assertThrows(NoSuchFileException.class, () -> Files.size(rig.path(later)));
      assertEquals(later, blobs.add(8, Manner.LOCAL, 10));
      assertEquals(10, Files.size(rig.path(later)));
      assertEquals(0, server.stats().faults());
    }
  }

  @Test
  void nothingCanBeWritten() throws Exception {
    BlobKey key = blobs.add(7, Manner.LOCAL, 5000);
    try (FuseServer server = serve(CONFIG)) {
      Path file = rig.path(key);
      assertReadOnly(() -> Files.newOutputStream(file).close());
      assertReadOnly(() -> Files.delete(file));
      assertReadOnly(() -> Files.createFile(rig.root().resolve("new")));
      assertReadOnly(() -> Files.createDirectory(file.resolveSibling("new")));
      assertReadOnly(() -> Files.createSymbolicLink(file.resolveSibling("new"), file));
      assertReadOnly(() -> Files.move(file, file.resolveSibling("new")));
      assertReadOnly(
          () -> Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxrwxrwx")));
      assertEquals(0, server.stats().faults());
    }
  }

  @Test
  void faultsBecomeErrno() throws Exception {
    BlobKey key = blobs.add(7, Manner.FAILING, 5000);
    try (FuseServer server = serve(CONFIG)) {
      IOException stale = assertThrows(IOException.class, () -> Files.readAllBytes(rig.path(key)));
      assertTrue(stale.getMessage().contains("Stale"), stale.getMessage());
      // The kernel closes behind the caller's back; until then the blob is held.
      awaitTrue(() -> !server.isOpen(key));
      Files.delete(blobs.file(key));
      // The kernel knows the name: it is a fault, not an absence.
      IOException gone = assertThrows(IOException.class, () -> Files.readAllBytes(rig.path(key)));
      assertTrue(gone.getMessage().contains("Input/output"), gone.getMessage());
      assertTrue(server.stats().faults() >= 2);
    }
  }

  @Test
  void passthroughKeepsOneModeUntilTheLastRelease() throws Exception {
    BlobKey key = blobs.add(7, Manner.SEALED, MIB);
    FuseConfig config = CONFIG;
    try (FuseServer server = serve(config)) {
      Path file = rig.path(key);
      try (FileChannel first = FileChannel.open(file);
          FileChannel second = FileChannel.open(file)) {
        assertEquals(2, server.stats().passthroughOpens());
        assertEquals(1, server.stats().backings());
        assertTrue(server.isBacked(key));
        assertTrue(server.isOpen(key));
        long reads = server.stats().reads();
        check(first, 7, MIB);
        check(second, 7, MIB);
        assertEquals(reads, server.stats().reads(), "the kernel reads by itself");
        first.close();
        assertTrue(server.isBacked(key));
        check(second, 7, MIB);
        server.releaseIdleBackings();
        assertTrue(server.isBacked(key));
      }
      awaitTrue(() -> server.stats().backings() == 0);
      assertFalse(server.isBacked(key));
      assertFalse(server.isOpen(key));
      try (FileChannel again = FileChannel.open(file)) {
        check(again, 7, MIB);
        assertEquals(3, server.stats().passthroughOpens());
      }
    }
  }

  @Test
  void aBlobSealedWhileOpenChangesItsModeOnlyLater() throws Exception {
    BlobKey key = blobs.add(7, Manner.LOCAL, MIB);
    AtomicBoolean sealed = new AtomicBoolean();
    rig = new Rig(dir, CONFIG);
    try (FuseServer server = rig.serve(CONFIG, new SealedLater(blobs, sealed))) {
      Path file = rig.path(key);
      try (FileChannel filling = FileChannel.open(file)) {
        check(filling, 7, MIB);
        sealed.set(true);
        try (FileChannel second = FileChannel.open(file)) {
          check(second, 7, MIB);
        }
        assertEquals(0, server.stats().passthroughOpens());
      }
      awaitTrue(() -> !server.isOpen(key));
      try (FileChannel later = FileChannel.open(file)) {
        assertEquals(1, server.stats().passthroughOpens());
        long reads = server.stats().reads();
        check(later, 7, MIB);
        assertEquals(reads, server.stats().reads());
      }
      int row = InodeTable.rebuild(rig.state().rows()).find(key);
      assertEquals(0, rig.state().rows().flags(row) & Rows.CACHED, "its pages were dropped");
    }
  }

  /** Blobs whose files are sealed at some moment. */
  private record SealedLater(TestBlobs blobs, AtomicBoolean sealed) implements BlobNamespace {
    @Override
    public OptionalLong sizeOf(BlobKey key) {
      return blobs.sizeOf(key);
    }

    @Override
    public OpenedBlob open(BlobKey key) {
      OpenedBlob blob = blobs.open(key);
      return new OpenedBlob() {
        @Override
        public long sizeBytes() {
          return blob.sizeBytes();
        }

        @Override
        public int readNow(long offset, ByteBuffer target) {
          return blob.readNow(offset, target);
        }

        @Override
        public int read(long offset, ByteBuffer target, Cancel cancel) {
          return blob.read(offset, target, cancel);
        }

        @Override
        public Optional<Path> sealedFile() {
          return sealed.get() ? Optional.of(blobs.file(key)) : Optional.empty();
        }

        @Override
        public void close() {
          blob.close();
        }
      };
    }
  }

  @Test
  void blobsBeyondTheCapAreReadThroughTheServer() throws Exception {
    FuseConfig config = new FuseConfig(64, 1024, 2, 8, 8L << 20, 1, CONFIG.readDeadline(), true);
    BlobKey one = blobs.add(1, Manner.SEALED, MIB);
    BlobKey two = blobs.add(2, Manner.SEALED, MIB);
    try (FuseServer server = serve(config);
        FileChannel first = FileChannel.open(rig.path(one));
        FileChannel second = FileChannel.open(rig.path(two))) {
      assertEquals(1, server.stats().passthroughOpens());
      assertEquals(2, server.stats().opens());
      check(first, 1, MIB);
      check(second, 2, MIB);
      assertFalse(server.isBacked(two));
    }
  }

  @Test
  void aRefusalIsFinalForTheBlob() throws Exception {
    BlobKey key = blobs.add(7, Manner.SEALED, MIB);
    rig = new Rig(dir, CONFIG);
    int[] asked = {0};
    Backings refusing =
        new Backings() {
          @Override
          public int open(Fd file) throws LinuxException {
            asked[0]++;
            throw new LinuxException("BACKING_OPEN", file.subject(), 40);
          }

          @Override
          public void close(int id) {
            throw new AssertionError("nothing was opened");
          }

          @Override
          public boolean invalidate(long nodeId) {
            throw new AssertionError("nothing was wrong");
          }

          @Override
          public void dropNames() {
            throw new AssertionError("there is room");
          }
        };
    try (FuseServer server = rig.serve(CONFIG, blobs, refusing)) {
      for (int i = 0; i < 3; i++) {
        try (FileChannel channel = FileChannel.open(rig.path(key))) {
          check(channel, 7, MIB);
        }
        awaitTrue(() -> server.stats().openFiles() == 0);
      }
      assertEquals(1, asked[0]);
      assertEquals(1, server.stats().refusals());
      assertEquals(0, server.stats().passthroughOpens());
    }
  }

  @Test
  void withPassthroughSwitchedOffTheServerReads() throws Exception {
    BlobKey key = blobs.add(7, Manner.SEALED, MIB);
    FuseConfig off = new FuseConfig(64, 1024, 2, 8, 8L << 20, 8, CONFIG.readDeadline(), false);
    try (FuseServer server = serve(off)) {
      assertFalse(rig.state().init().orElseThrow().isPassthrough());
      try (FileChannel channel = FileChannel.open(rig.path(key))) {
        check(channel, 7, MIB);
      }
      assertEquals(0, server.stats().passthroughOpens());
      assertTrue(server.stats().readBytes() >= MIB);
    }
  }

  @Test
  void smallFilesComeWithTheirOpen() throws Exception {
    long[] sizes = {1, 4095, 4096, 4097, 64 << 10};
    for (long size : sizes) {
      BlobKey unused = blobs.add(size, Manner.PRELOADED, size);
    }
    try (FuseServer server = serve(CONFIG)) {
      for (int round = 1; round <= 2; round++) {
        for (long size : sizes) {
          try (FileChannel channel =
              FileChannel.open(rig.path(TestBlobs.key(size, Manner.PRELOADED)))) {
            check(channel, size, size);
          }
        }
        int opens = round * sizes.length;
        awaitTrue(() -> server.stats().openFiles() == 0);
        assertEquals(opens, server.stats().preloads(), server.stats().toString());
      }
      assertEquals(0, server.stats().reads(), server.stats().toString());

      try (FileChannel channel = FileChannel.open(rig.path(TestBlobs.key(4097, Manner.PRELOADED)));
          FileChannel second = FileChannel.open(rig.path(TestBlobs.key(4097, Manner.PRELOADED)))) {
        assertEquals(2 * sizes.length + 1, server.stats().preloads(), "once while it is open");
        assertTrue(server.invalidate(TestBlobs.key(4097, Manner.PRELOADED)));
        check(channel, 4097, 4097);
        check(second, 4097, 4097);
        assertTrue(server.stats().reads() > 0, "the kernel reads what it does not have");
      }
      assertEquals(0, server.stats().faults() + server.stats().replyErrors());
    }
  }

  @Test
  void invalidatedBytesAreReadAgain() throws Exception {
    BlobKey key = blobs.add(7, Manner.LOCAL, MIB);
    try (FuseServer server = serve(CONFIG);
        FileChannel channel = FileChannel.open(rig.path(key))) {
      check(channel, 7, MIB);
      long reads = server.stats().reads();
      check(channel, 7, MIB);
      assertEquals(reads, server.stats().reads(), "kept by the kernel");
      assertTrue(server.invalidate(key));
      check(channel, 7, MIB);
      assertTrue(server.stats().reads() > reads);
      assertFalse(server.invalidate(TestBlobs.key(99, Manner.LOCAL)));
    }
  }

  private interface Action {
    void run() throws IOException;
  }

  private static void assertReadOnly(Action action) {
    IOException e = assertThrows(IOException.class, action::run);
    assertTrue(e.getMessage().contains("Read-only"), e.toString());
  }

  private static void check(FileChannel channel, long seed, long size) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate((int) size);
    for (long at = 0; at < size; ) {
      int got = channel.read(buffer, at);
      assertTrue(got > 0, "ends at " + at);
      at += got;
    }
    Content.check(seed, 0, buffer.flip());
  }

  private static List<String> list(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).toList();
    }
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  static void awaitTrue(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, "did not come true");
      java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
    }
  }
}
