package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.fuse.frame.InvalInodeNotice;
import dev.larder.fuse.frame.ReplyHeader;
import dev.larder.linux.SeqPacketServer;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.protocol.BlobKey;
import dev.larder.testkit.Seeds;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Serving processes killed at any moment, with this one holding descriptor and memory as the keeper
 * does: readers see a pause, no error and no wrong byte.
 */
class KillTest {
  private static final long WAIT_NANOS_MAX = 20_000_000;

  private static final double LEFT_PER_KILL = 0.15;

  @TempDir private Path dir;
  private volatile boolean isStopping;

  @Test
  void twentyKills() throws Exception {
    Rig.needsRoot();
    Seeds.run(random -> kill(20, random, false));
  }

  @Test
  void twentyKillsBelowAnOverlay() throws Exception {
    Rig.needsRoot();
    Seeds.run(random -> kill(20, random, true));
  }

  @Test
  @Tag("long")
  void twoHundredKills() throws Exception {
    Rig.needsRoot();
    Seeds.run(random -> kill(200, random, false));
  }

  @Test
  @Tag("long")
  void twoHundredKillsBelowAnOverlay() throws Exception {
    Rig.needsRoot();
    Seeds.run(random -> kill(200, random, true));
  }

  private void kill(int times, Random random, boolean isOverlaid) throws Exception {
    Path blobDirectory = Files.createDirectory(dir.resolve("blobs"));
    Path sealedDirectory = Files.createDirectory(dir.resolve("sealed"));
    TestBlobs blobs = new TestBlobs(blobDirectory, WAIT_NANOS_MAX);
    Map<String, BlobKey> files = new HashMap<>();
    for (int i = 0; i < ReadMain.BLOBS; i++) {
      BlobKey key = blobs.add(i, ReadMain.manner(i), ReadMain.SIZE);
      files.put(key.diskName(), key);
      if (i % 6 == 1) {
        // Sealed ones lie in the folder the kernel reads by itself, but for half: passthrough.
        Path plain = sealedDirectory.resolve(key.diskName());
        Files.createDirectories(plain.getParent());
        Files.createLink(plain, blobs.file(key));
      }
    }
    try (Rig rig = new Rig(dir, ServeMain.CONFIG);
        SeqPacketServer door = SeqPacketServer.bind(dir.resolve("door"))) {
      Served served = new Served(rig, door, blobDirectory);
      served.next();
      try (OverlayRig overlay =
          isOverlaid
              ? new OverlayRig(dir, sealedDirectory, rig.root(), files, ReadMain.SIZE)
              : null) {
        killUnderReaders(times, random, rig, overlay, served);
        if (overlay != null) {
          overlay.remount();
        }
      }
      rig.dropNames();
      Rows rows = rig.state().rows();
      // A process killed between striking a FORGET out and counting it leaves a row: rarely.
      FuseServerTest.awaitTrue(() -> used(rows) <= LEFT_PER_KILL * times);
      served.now().tell("close");
      System.out.println(served.now().await("closed"));
      served.now().awaitExit();
      assertEquals(0, rig.state().slots().inFlight());
    }
  }

  private void killUnderReaders(
      int times, Random random, Rig rig, OverlayRig overlay, Served served) throws Exception {
    Path root = overlay == null ? rig.root() : overlay.root();
    try (Child readers = new Child(ReadMain.class, root.toString(), "" + random.nextLong())) {
      assertEquals("ready", readers.await("ready"));
      Thread dropper = Thread.ofPlatform().start(() -> dropCaches(rig, overlay));
      long outageMillis = 0;
      for (int i = 0; i < times; i++) {
        LockSupport.parkNanos(20_000_000 + random.nextLong(200_000_000));
        long begin = System.nanoTime();
        served.now().kill();
        served.next();
        outageMillis = Math.max(outageMillis, (System.nanoTime() - begin) / 1_000_000);
        assertTrue(readers.isAlive());
      }
      isStopping = true;
      dropper.join();
      readers.tell("stop");
      String said = readers.await("read ");
      readers.awaitExit();
      System.out.println(
          "kills "
              + times
              + ", in flight "
              + served.adopted
              + ", answered before "
              + served.answeredBefore
              + ", longest outage "
              + outageMillis
              + ", "
              + said);
      assertTrue(said.contains(" errors 0 "), said);
      assertTrue(served.adopted > times, "requests found in the slots: " + served.adopted);
      long longest = Long.parseLong(said.substring(said.lastIndexOf(' ') + 1));
      // A read may meet two outages, and this machine may be busy.
      assertTrue(longest < 2 * outageMillis + 2000, said + ", outage " + outageMillis);
    }
  }

  /** Rows left: each would be a count that was lost. */
  private static int used(Rows rows) {
    int used = 0;
    for (int row = Layout.ROW_KEYS; row < rows.touched(); row++) {
      used += rows.state(row);
    }
    return used;
  }

  /** Sees to it that readers ask: the kernel keeps everything else. */
  private void dropCaches(Rig rig, OverlayRig overlay) {
    Rows rows = rig.state().rows();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment notice = arena.allocate(ReplyHeader.BYTES + InvalInodeNotice.BYTES, 8);
      for (int i = 0; !isStopping; i++) {
        for (int row = Layout.ROW_KEYS; row < rows.touched(); row++) {
          ReplyHeader.put(notice, 0, (int) notice.byteSize(), InvalInodeNotice.CODE, 0);
          InvalInodeNotice.putWhole(notice, ReplyHeader.BYTES, rows.nodeId(row));
          long unused = rig.device().fd().write(notice, 0, notice.byteSize());
        }
        if (i % 10 == 0) {
          if (overlay != null) {
            overlay.remount();
          }
          rig.dropNames();
        }
        LockSupport.parkNanos(2_000_000);
      }
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** Starts serving processes, one after another. */
  private static final class Served {
    private final Rig rig;
    private final SeqPacketServer door;
    private final Path blobs;
    private Child child;
    private long adopted;
    private long answeredBefore;

    Served(Rig rig, SeqPacketServer door, Path blobs) {
      this.rig = rig;
      this.door = door;
      this.blobs = blobs;
    }

    void next() throws Exception {
      child =
          new Child(ServeMain.class, door.path().toString(), blobs.toString(), "" + WAIT_NANOS_MAX);
      try (SeqPacketSocket agent = door.accept(60_000)) {
        assertNotNull(agent, "the child did not come");
        agent.send(new byte[1], List.of(rig.device().fd(), rig.memory().fd()), 10_000);
        String[] said = child.await("ready").split(" ", -1);
        adopted += Long.parseLong(said[1]);
        answeredBefore += Long.parseLong(said[2]);
      }
    }

    Child now() {
      return child;
    }
  }
}
