package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LeaseTest {
  private static final int SIGIO = 29;
  private Playground play;
  private Path file;

  @BeforeEach
  void open() throws Exception {
    play = new Playground();
    file = play.root.resolve("file");
    Files.writeString(file, "content");
  }

  @AfterEach
  void close() throws Exception {
    play.close();
  }

  @Test
  void grantedOnlyWhileNobodyHasTheFileOpen() throws Exception {
    try (Fd fd = Fd.open(file, Fd.O_RDONLY)) {
      try (InputStream open = Files.newInputStream(file)) {
        assertNull(Lease.tryTake(fd));
        assertEquals("content", new String(open.readAllBytes()));
      }
      try (Lease lease = Lease.tryTake(fd)) {
        assertNotNull(lease);
        assertTrue(lease.isUndisturbed());
      }
      try (InputStream open = Files.newInputStream(file)) {
        assertNull(Lease.tryTake(fd));
        assertEquals("content", new String(open.readAllBytes()));
      }
    }
  }

  @Test
  void usersThroughAnOverlayAreSeen() throws Exception {
    byte[] bytes = "content".getBytes();
    Map<String, byte[]> files = Map.of("f", bytes);
    Playground.store(play.blobs, files);
    Path target = play.directory("target");
    try (Fd image = Fd.open(play.catalog(files), Fd.O_RDONLY);
        MountFd catalog = ErofsMount.of(image);
        Fd blobs = Fd.openDirectory(play.blobs);
        MountFd overlay =
            new OverlayMount(OverlayStyle.probe())
                .of("larder:s@1", catalog.fd(), List.of(blobs), true)) {
      overlay.attach(target);
    }
    Path blob = play.blobs.resolve(Playground.key(bytes).diskName());
    try (Fd fd = Fd.open(blob, Fd.O_RDONLY)) {
      try (InputStream open = Files.newInputStream(target.resolve("f"))) {
        assertNull(Lease.tryTake(fd));
        assertEquals("content", new String(open.readAllBytes()));
      }
      try (Lease lease = Lease.tryTake(fd)) {
        assertNotNull(lease, "a file that is only remembered by the overlay is no file in use");
      }
      FileChannel channel = FileChannel.open(target.resolve("f"));
      try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofShared()) {
        java.lang.foreign.MemorySegment mapped =
            channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes.length, arena);
        channel.close();
        assertNull(Lease.tryTake(fd), "mapped and closed is in use");
        assertEquals('c', mapped.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0));
      }
      try (Lease lease = Lease.tryTake(fd)) {
        assertNotNull(lease);
      }
    }
  }

  @Test
  void breakingItEndsNoJvm() throws Exception {
    Process holder = holder("lease");
    try (InputStream said = holder.getInputStream()) {
      assertEquals("held", new String(said.readNBytes(4)));
      Process reader = play.watch(new ProcessBuilder("cat", file.toString()).start());
      // The holder sees that somebody waits, lives on, and gives the lease back.
      assertEquals(" disturbed", new String(said.readNBytes(10)));
      assertTrue(reader.isAlive(), "the reader waits for the lease");
      holder.getOutputStream().close();
      assertEquals(0, reader.waitFor());
      assertEquals("content", new String(reader.getInputStream().readAllBytes()));
      assertEquals(0, holder.waitFor());
    } finally {
      holder.destroyForcibly();
    }
  }

  @Test
  void withoutItsOwnSignalAJvmWouldEnd() throws Exception {
    Process holder = holder("bare");
    try (InputStream said = holder.getInputStream()) {
      assertEquals("held", new String(said.readNBytes(4)));
      Process reader = play.watch(new ProcessBuilder("cat", file.toString()).start());
      assertEquals(128 + SIGIO, holder.waitFor());
      assertEquals(0, reader.waitFor());
      assertFalse(holder.isAlive());
    } finally {
      holder.destroyForcibly();
    }
  }

  private Process holder(String how) throws Exception {
    return play.watch(
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName(),
                how,
                file.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start());
  }

  /** Holds a lease on a file until its input ends. */
  static final class Holder {
    public static void main(String[] args) throws Exception {
      try (Fd fd = Fd.open(Path.of(args[1]), Fd.O_RDONLY)) {
        if (args[0].equals("bare")) {
          assertEquals(0, Libc.fcntl(fd.number(), 1024, 1));
          say("held");
          int unused = System.in.read();
          return;
        }
        try (Lease lease = Lease.tryTake(fd)) {
          assertNotNull(lease);
          say("held");
          Waiting.until(() -> !lease.isUndisturbed());
          say(" disturbed");
          int unused = System.in.read();
        }
      }
    }

    private static void say(String text) {
      System.out.print(text);
      System.out.flush();
    }
  }
}
