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
import java.util.List;
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

  @TempDir private Path dir;
  private volatile boolean isStopping;

  @Test
  void twentyKills() throws Exception {
    Rig.needsRoot();
    Seeds.run(random -> kill(20, random));
  }

  @Test
  @Tag("long")
  void twoHundredKills() throws Exception {
    Rig.needsRoot();
    Seeds.run(random -> kill(200, random));
  }

  private void kill(int times, Random random) throws Exception {
    Path blobDirectory = Files.createDirectory(dir.resolve("blobs"));
    TestBlobs blobs = new TestBlobs(blobDirectory, WAIT_NANOS_MAX);
    for (int i = 0; i < ReadMain.BLOBS; i++) {
      BlobKey unused = blobs.add(i, ReadMain.manner(i), ReadMain.SIZE);
    }
    try (Rig rig = new Rig(dir, ServeMain.CONFIG);
        SeqPacketServer door = SeqPacketServer.bind(dir.resolve("door"))) {
      Served served = new Served(rig, door, blobDirectory);
      Child server = served.next();
      String said;
      try (Child readers =
          new Child(ReadMain.class, rig.root().toString(), "" + random.nextLong())) {
        assertEquals("ready", readers.await("ready"));
        Thread dropper = Thread.ofPlatform().start(() -> dropCaches(rig));
        long adopted = 0;
        for (int i = 0; i < times; i++) {
          LockSupport.parkNanos(20_000_000 + random.nextLong(200_000_000));
          server.kill();
          server = served.next();
          adopted += served.adopted();
          assertTrue(readers.isAlive());
        }
        isStopping = true;
        dropper.join();
        readers.tell("stop");
        said = readers.await("read ");
        assertTrue(said.contains(" errors 0 "), said);
        assertTrue(adopted > times, "requests found in the slots: " + adopted);
        System.out.println("kills " + times + ", adopted " + adopted + ", " + said);
        readers.awaitExit();
      }
      rig.dropNames();
      Rows rows = rig.state().rows();
      FuseServerTest.awaitTrue(() -> used(rows) == 0);
      server.tell("close");
      System.out.println(server.await("closed"));
      server.awaitExit();
      assertEquals(0, rig.state().slots().inFlight());
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
  private void dropCaches(Rig rig) {
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
    private long adopted;

    Served(Rig rig, SeqPacketServer door, Path blobs) {
      this.rig = rig;
      this.door = door;
      this.blobs = blobs;
    }

    Child next() throws Exception {
      Child child =
          new Child(
              ServeMain.class, door.path().toString(), blobs.toString(), "" + WAIT_NANOS_MAX);
      try (SeqPacketSocket agent = door.accept(60_000)) {
        assertNotNull(agent, "the child did not come");
        agent.send(new byte[1], List.of(rig.device().fd(), rig.memory().fd()), 10_000);
        adopted = Long.parseLong(child.await("ready").split(" ", -1)[1]);
      }
      return child;
    }

    long adopted() {
      return adopted;
    }
  }
}
