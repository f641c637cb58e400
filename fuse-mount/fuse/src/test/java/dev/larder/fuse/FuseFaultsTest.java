package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.fuse.TestBlobs.Manner;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Unmount;
import dev.larder.protocol.BlobKey;
import dev.larder.testkit.Seeds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Readers that give up, bytes that do not come, tables that are full, mounts that go. */
class FuseFaultsTest {
  private static final Duration MINUTE = Duration.ofSeconds(60);
  private static final FuseConfig CONFIG =
      new FuseConfig(64, 1024, 4, 32, 8L << 20, 8, MINUTE, true);

  @TempDir private Path dir;
  private TestBlobs blobs;
  private Rig rig;

  @BeforeEach
  void prepare() throws Exception {
    Rig.needsRoot();
    blobs = new TestBlobs(Files.createDirectory(dir.resolve("blobs")), 1_000_000);
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

  private Process cat(BlobKey key, String... flags) throws IOException {
    List<String> command = new ArrayList<>(List.of("dd", "of=/dev/null", "bs=64k"));
    command.add("if=" + rig.path(key));
    command.addAll(List.of(flags));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  @Test
  void killedReadersDieAtOnce() throws Exception {
    BlobKey stuck = blobs.add(7, Manner.STUCK, 1 << 20);
    BlobKey local = blobs.add(8, Manner.LOCAL, 1 << 20);
    try (FuseServer server = serve(CONFIG)) {
      List<Process> readers = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        readers.add(cat(stuck));
        readers.add(cat(stuck, "iflag=direct"));
      }
      // Each in a wait of its own: O_DIRECT readers ask, buffered ones share the kernel's page.
      FuseServerTest.awaitTrue(() -> server.stats().workers() >= 10);
      for (Process reader : readers) {
        assertTrue(reader.isAlive());
        long begin = System.nanoTime();
        reader.destroyForcibly();
        assertTrue(reader.waitFor(10, TimeUnit.SECONDS), "a killed reader hangs");
        long millis = (System.nanoTime() - begin) / 1_000_000;
        assertTrue(millis < 1000, "dead after " + millis + " ms");
      }
      assertTrue(server.stats().interrupted() >= 10, server.stats().toString());
      FuseServerTest.awaitTrue(() -> server.stats().workers() <= 1);
      assertEquals(1 << 20, Files.readAllBytes(rig.path(local)).length);
      blobs.unstick();
      Content.check(7, 0, ByteBuffer.wrap(Files.readAllBytes(rig.path(stuck))));
      assertEquals(0, server.stats().replyErrors());
    }
  }

  @Test
  void whatDoesNotComeInTimeIsAnError() throws Exception {
    BlobKey stuck = blobs.add(7, Manner.STUCK, 1 << 20);
    FuseConfig hasty = new FuseConfig(64, 1024, 4, 32, 8L << 20, 8, Duration.ofSeconds(1), true);
    try (FuseServer server = serve(hasty)) {
      long begin = System.nanoTime();
      IOException e = assertThrows(IOException.class, () -> Files.readAllBytes(rig.path(stuck)));
      long millis = (System.nanoTime() - begin) / 1_000_000;
      assertTrue(e.getMessage().contains("Input/output"), e.getMessage());
      assertTrue(millis >= 1000 && millis < 10_000, millis + " ms");
      assertTrue(server.stats().expired() > 0);
      blobs.unstick();
      Content.check(7, 0, ByteBuffer.wrap(Files.readAllBytes(rig.path(stuck))));
    }
  }

  @Test
  void fewSlotsWorkersAndBuffersMakeReadersWaitOnly() throws Exception {
    FuseConfig tight = new FuseConfig(8, 1024, 3, 2, 4L << 20, 8, MINUTE, true);
    BlobKey waiting = blobs.add(7, Manner.WAITING, 3 << 20);
    BlobKey local = blobs.add(8, Manner.LOCAL, 3 << 20);
    try (FuseServer server = serve(tight)) {
      ConcurrentLinkedQueue<Throwable> failed = new ConcurrentLinkedQueue<>();
      List<Thread> readers = new ArrayList<>();
      for (int t = 0; t < 24; t++) {
        long seed = t % 2 == 0 ? 7 : 8;
        Path file = rig.path(t % 2 == 0 ? waiting : local);
        Random random = new Random(t);
        readers.add(
            Thread.ofPlatform()
                .start(() -> {
                  try (FileChannel channel =
                      FileChannel.open(
                          file,
                          StandardOpenOption.READ,
                          com.sun.nio.file.ExtendedOpenOption.DIRECT)) {
                    for (int i = 0; i < 20; i++) {
                      ByteBuffer buffer =
                          ByteBuffer.allocateDirect((1 << 20) + 4096).alignedSlice(4096);
                      buffer.limit(4096 << random.nextInt(9));
                      long at = 4096L * random.nextInt(512);
                      int unused = channel.read(buffer, at);
                      Content.check(seed, at, buffer.flip());
                    }
                  } catch (Throwable e) {
                    failed.add(e);
                  }
                }));
      }
      for (Thread reader : readers) {
        reader.join();
      }
      assertEquals(List.of(), List.copyOf(failed));
      assertTrue(server.stats().bufferBytes() <= 4L << 20, server.stats().toString());
      FuseServerTest.awaitTrue(() -> server.stats().slotsInUse() == 0);
    }
  }

  /** Names without end, each a blob of its own. */
  private static final class Endless implements BlobNamespace {
    @Override
    public OptionalLong sizeOf(BlobKey key) {
      return OptionalLong.of(key.digest().b() & 0xfff);
    }

    @Override
    public OpenedBlob open(BlobKey key) {
      throw new AssertionError("nobody opens " + key);
    }
  }

  /** The rig's own, but names are dropped only when the test does it. */
  private Backings keepingNames(AtomicInteger asked) {
    Backings real = rig.backings();
    return new Backings() {
      @Override
      public int open(Fd file) throws LinuxException {
        return real.open(file);
      }

      @Override
      public void close(int id) throws LinuxException {
        real.close(id);
      }

      @Override
      public boolean invalidate(long nodeId) throws LinuxException {
        return real.invalidate(nodeId);
      }

      @Override
      public void dropNames() {
        asked.incrementAndGet();
      }
    };
  }

  @Test
  void manyMoreNamesThanRowsAreFound() throws Exception {
    rig = new Rig(dir, CONFIG);
    try (FuseServer server = rig.serve(CONFIG, new Endless())) {
      Seeds.run(seeds -> {
        for (int i = 0; i < 6 * 1024; i++) {
          BlobKey key = Memories.key(seeds);
          assertEquals(key.digest().b() & 0xfff, Files.size(rig.path(key)));
        }
      });
      assertEquals(0, server.stats().tableFull(), server.stats().toString());
      assertEquals(0, server.stats().faults(), server.stats().toString());
    }
  }

  @Test
  void aFullTableIsEnfileUntilTheKernelForgets() throws Exception {
    rig = new Rig(dir, CONFIG);
    AtomicInteger asked = new AtomicInteger();
    try (FuseServer server = rig.serve(CONFIG, new Endless(), keepingNames(asked))) {
      Random random = new Random(3);
      int capacity = 1024 - 258;
      List<BlobKey> keys = new ArrayList<>();
      for (int i = 0; i < capacity; i++) {
        keys.add(Memories.key(random));
        assertEquals(keys.getLast().digest().b() & 0xfff, Files.size(rig.path(keys.getLast())));
      }
      assertEquals(capacity, server.stats().rows());
      BlobKey more = Memories.key(random);
      IOException e = assertThrows(IOException.class, () -> Files.size(rig.path(more)));
      assertTrue(e.getMessage().contains("Too many open files in system"), e.getMessage());
      assertEquals(1, server.stats().tableFull());
      assertEquals(keys.getFirst().digest().b() & 0xfff, Files.size(rig.path(keys.getFirst())));
      assertTrue(asked.get() > 0, "the kernel was asked to forget first");
      rig.dropNames();
      FuseServerTest.awaitTrue(() -> server.stats().rows() == 0);
      assertEquals(more.digest().b() & 0xfff, Files.size(rig.path(more)));
    }
  }

  @Test
  void stormsOfForgetting() throws Exception {
    for (int i = 0; i < 40; i++) {
      BlobKey unused =
          blobs.add(
              i, i % 4 == 0 ? Manner.SEALED : i % 4 == 1 ? Manner.WAITING : Manner.LOCAL, 9000);
    }
    try (FuseServer server = serve(CONFIG)) {
      Seeds.run(seeds -> {
        AtomicBoolean stop = new AtomicBoolean();
        ConcurrentLinkedQueue<Throwable> failed = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
          Random random = new Random(seeds.nextLong());
          threads.add(Thread.ofPlatform().start(() -> useRandomly(random, stop, failed)));
        }
        for (int i = 0; i < 150; i++) {
          rig.dropNames();
        }
        stop.set(true);
        for (Thread thread : threads) {
          thread.join();
        }
        assertEquals(List.of(), List.copyOf(failed));
      });
      rig.dropNames();
      FuseServerTest.awaitTrue(() -> {
        FuseStats stats = server.stats();
        return stats.rows() == 0 && stats.openFiles() == 0 && stats.backings() == 0;
      });
      assertEquals(0, server.stats().faults(), server.stats().toString());
      assertEquals(0, server.stats().answeredBefore(), server.stats().toString());
    }
  }

  private void useRandomly(
      Random random, AtomicBoolean stop, ConcurrentLinkedQueue<Throwable> failed) {
    try {
      while (!stop.get()) {
        int i = random.nextInt(40);
        Manner manner = i % 4 == 0 ? Manner.SEALED : i % 4 == 1 ? Manner.WAITING : Manner.LOCAL;
        Path file = rig.path(TestBlobs.key(i, manner));
        if (random.nextBoolean()) {
          assertEquals(9000, Files.size(file));
        } else {
          byte[] bytes = Files.readAllBytes(file);
          assertEquals(9000, bytes.length);
          Content.check(i, 0, ByteBuffer.wrap(bytes));
        }
      }
    } catch (Throwable e) {
      failed.add(e);
    }
  }

  @Test
  void unmountingEndsTheServer() throws Exception {
    BlobKey key = blobs.add(7, Manner.LOCAL, 10);
    try (FuseServer server = serve(CONFIG)) {
      assertEquals(10, Files.size(rig.path(key)));
      rig.detach();
      Unmount.now(rig.root());
      assertEquals(FuseServer.End.UNMOUNTED, server.end().get(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void abortingEndsTheServerAndWhoWaits() throws Exception {
    BlobKey stuck = blobs.add(7, Manner.STUCK, 1 << 20);
    Path control = Files.createDirectory(dir.resolve("fusectl"));
    try (FuseServer server = serve(CONFIG)) {
      Process reader = cat(stuck, "iflag=direct");
      FuseServerTest.awaitTrue(() -> server.stats().workers() >= 1);
      run("mount", "-t", "fusectl", "none", control.toString());
      try {
        Files.writeString(control.resolve(rig.connection()).resolve("abort"), "1");
      } finally {
        run("umount", control.toString());
      }
      assertEquals(FuseServer.End.ABORTED, server.end().get(10, TimeUnit.SECONDS));
      assertTrue(reader.waitFor(10, TimeUnit.SECONDS));
      assertEquals(1, reader.exitValue());
    }
  }

  @Test
  void closingGivesNobodyAnError() throws Exception {
    BlobKey stuck = blobs.add(7, Manner.STUCK, 1 << 20);
    FuseServer server = serve(CONFIG);
    Process reader = cat(stuck, "iflag=direct");
    FuseServerTest.awaitTrue(() -> server.stats().workers() >= 1);
    server.close();
    server.close();
    assertEquals(FuseServer.End.CLOSED, server.end().get(1, TimeUnit.SECONDS));
    assertEquals(1, rig.state().slots().inFlight(), "left for the next server");
    assertTrue(reader.isAlive());
    Unmount.forced(rig.root());
    assertTrue(reader.waitFor(10, TimeUnit.SECONDS));
    rig.detach();
  }

  private static void run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).inheritIO().start();
    assertEquals(0, process.waitFor(), String.join(" ", command));
  }
}
