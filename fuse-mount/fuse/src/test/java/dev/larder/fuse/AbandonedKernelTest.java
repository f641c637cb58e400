package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.fuse.TestBlobs.Manner;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.RequestHeader;
import dev.larder.linux.Errno;
import dev.larder.linux.FileSystems;
import dev.larder.linux.NativeBuffer;
import dev.larder.linux.SeqPacketServer;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.protocol.BlobKey;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the keeper does with requests while there is no agent, and what the next agent finds. */
class AbandonedKernelTest {
  @TempDir private Path dir;
  private volatile boolean isStopping;
  private volatile int failing;

  @Test
  void readersGetAnErrorAndTheNextAgentRightCounts() throws Exception {
    Rig.needsRoot();
    Path blobDirectory = Files.createDirectory(dir.resolve("blobs"));
    TestBlobs blobs = new TestBlobs(blobDirectory, 0);
    BlobKey stuck = blobs.add(1, Manner.STUCK, 100_000);
    BlobKey local = blobs.add(2, Manner.LOCAL, 100_000);
    BlobKey sealed = blobs.add(3, Manner.SEALED, 100_000);
    try (Rig rig = new Rig(dir, ServeMain.CONFIG);
        SeqPacketServer door = SeqPacketServer.bind(dir.resolve("door"));
        NativeBuffer reply = NativeBuffer.locked(Abandoned.REPLY_BYTES)) {
      Abandoned abandoned = new Abandoned(rig.state(), rig.device().fd(), reply.memory());
      Child first = agent(rig, door, blobDirectory);
      FileChannel openLocal = FileChannel.open(rig.path(local));
      FileChannel openSealed = FileChannel.open(rig.path(sealed));
      Process reader = read(rig.path(stuck));
      Process impatient = read(rig.path(stuck));
      // Only then is each reader's open out of its slot, and nothing else can come.
      FuseServerTest.awaitTrue(() -> reads(rig) == 2 && rig.state().slots().inFlight() == 2);
      first.kill();
      rig.device().fd().nonblocking(true);
      assertEquals(2, abandoned.sort());
      assertTrue(reader.isAlive());

      failing = 0;
      Thread standIn = standIn(rig, abandoned);
      // Who is killed while nobody serves ends at once all the same.
      impatient.destroyForcibly();
      assertTrue(impatient.waitFor(5, TimeUnit.SECONDS));
      assertEquals(0, FileSystems.probe(rig.path(stuck)));
      FuseServerTest.awaitTrue(() -> rig.state().slots().inFlight() == 1);
      assertTrue(reader.isAlive());

      isStopping = true;
      standIn.join();
      assertEquals(1, abandoned.failAll(Errno.EIO));
      assertTrue(reader.waitFor(10, TimeUnit.SECONDS));
      assertEquals(1, reader.exitValue(), "EIO");
      isStopping = false;
      failing = Errno.EIO;
      Thread failingStandIn = standIn(rig, abandoned);
      IOException e = assertThrows(IOException.class, () -> Files.readAllBytes(rig.path(stuck)));
      assertTrue(e.getMessage().contains("Input/output"), e.getMessage());
      // Passthrough goes on without anybody.
      ByteBuffer bytes = ByteBuffer.allocate(100_000);
      assertEquals(100_000, openSealed.read(bytes, 0));
      Content.check(3, 0, bytes.flip());
      // Closing and forgetting are noted.
      openLocal.close();
      openSealed.close();
      rig.dropNames();
      Rows rows = rig.state().rows();
      FuseServerTest.awaitTrue(() -> {
        int busy = 0;
        for (int row = Layout.ROW_KEYS; row < rows.touched(); row++) {
          busy += rows.opens(row) + rows.lookups(row);
        }
        return busy == 0;
      });
      isStopping = true;
      failingStandIn.join();
      rig.device().fd().nonblocking(false);

      try (Child second = agent(rig, door, blobDirectory)) {
        Content.check(2, 0, ByteBuffer.wrap(Files.readAllBytes(rig.path(local))));
        rig.dropNames();
        FuseServerTest.awaitTrue(() -> {
          for (int row = Layout.ROW_KEYS; row < rows.touched(); row++) {
            if (rows.state(row) != Rows.FREE) {
              return false;
            }
          }
          return true;
        });
        assertTrue(second.isAlive());
      }
    }
  }

  private static int reads(Rig rig) {
    Slots slots = rig.state().slots();
    int found = 0;
    for (int slot = 0; slot < slots.count(); slot++) {
      if (slots.unique(slot) != 0
          && RequestHeader.opcode(slots.memory(), slots.requestAt(slot)) == Opcode.READ) {
        found++;
      }
    }
    return found;
  }

  private Thread standIn(Rig rig, Abandoned abandoned) {
    return Thread.ofPlatform()
        .start(() -> {
          try {
            while (!isStopping) {
              boolean unused = rig.device().fd().awaitReadable(20);
              while (abandoned.take(failing) > 0) {}
            }
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
  }

  private static Process read(Path path) throws IOException {
    return new ProcessBuilder("dd", "if=" + path, "of=/dev/null", "bs=4k", "iflag=direct")
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static Child agent(Rig rig, SeqPacketServer door, Path blobs) throws Exception {
    Child child = new Child(ServeMain.class, door.path().toString(), blobs.toString(), "0");
    try (SeqPacketSocket agent = door.accept(60_000)) {
      agent.send(new byte[1], List.of(rig.device().fd(), rig.memory().fd()), 10_000);
      assertTrue(child.await("ready").startsWith("ready"));
    }
    return child;
  }
}
