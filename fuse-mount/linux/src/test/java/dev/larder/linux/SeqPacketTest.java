package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SeqPacketTest {
  private static final int WAIT = 20_000;
  @TempDir Path temp;

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void messagesKeepTheirBoundariesAndDescriptors() throws Exception {
    Path file = temp.resolve("file");
    Files.writeString(file, "content");
    try (SeqPacketServer server = SeqPacketServer.bind(temp.resolve("socket"));
        SeqPacketSocket client = SeqPacketSocket.connect(server.path());
        SeqPacketSocket accepted = server.accept(WAIT);
        Fd fd = Fd.open(file, Fd.O_RDONLY)) {
      assertNotNull(accepted);
      client.send(bytes("one"), List.of(), WAIT);
      client.send(bytes("two"), List.of(fd, fd, fd, fd), WAIT);
      try (Message one = accepted.receive(8192, WAIT)) {
        assertArrayEquals(bytes("one"), one.bytes());
        assertEquals(0, one.descriptors());
        assertThrows(LinuxException.class, one::take);
      }
      Fd left;
      try (Message two = accepted.receive(8192, WAIT);
          Fd taken = two.take();
          Arena arena = Arena.ofConfined()) {
        assertArrayEquals(bytes("two"), two.bytes());
        assertEquals(3, two.descriptors());
        MemorySegment target = arena.allocate(16);
        assertEquals(7, taken.pread(target, 0, 16, 0));
        assertEquals("content", target.getString(0));
        assertEquals(1, Libc.fcntl(taken.number(), 1, 0), "closed on exec");
        left = two.take();
      }
      left.close();
      accepted.send(bytes("answer"), List.of(), WAIT);
      assertArrayEquals(bytes("answer"), client.receive(8192, WAIT).bytes());
    }
  }

  @Test
  void descriptorsThatWereNotTakenAreClosed() throws Exception {
    List<SeqPacketSocket> pair = SeqPacketSocket.pair();
    try (SeqPacketSocket a = pair.getFirst();
        SeqPacketSocket b = pair.getLast();
        Fd fd = Fd.open(temp, Fd.O_RDONLY)) {
      long before = openDescriptors();
      for (int i = 0; i < 20; i++) {
        a.send(bytes("x"), List.of(fd, fd), WAIT);
        b.receive(64, WAIT).close();
        // Too long: the message is lost, its descriptors too.
        a.send(new byte[65], List.of(fd), WAIT);
        LinuxException lost = assertThrows(LinuxException.class, () -> b.receive(64, WAIT));
        assertEquals(Errno.EMSGSIZE, lost.errno());
      }
      assertEquals(before, openDescriptors());
    }
  }

  private long openDescriptors() throws Exception {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      return all.filter(p -> pointsHere(p)).count();
    }
  }

  private boolean pointsHere(Path link) {
    try {
      return Files.readSymbolicLink(link).equals(temp.toRealPath());
    } catch (java.io.IOException e) {
      return false;
    }
  }

  @Test
  void theOtherEndsDeathIsSeen() throws Exception {
    List<SeqPacketSocket> pair = SeqPacketSocket.pair();
    try (SeqPacketSocket b = pair.getLast()) {
      pair.getFirst().send(bytes("last"), List.of(), WAIT);
      pair.getFirst().close();
      assertArrayEquals(bytes("last"), b.receive(64, WAIT).bytes());
      assertNull(b.receive(64, WAIT));
      LinuxException gone =
          assertThrows(LinuxException.class, () -> b.send(bytes("x"), List.of(), WAIT));
      assertEquals(Errno.EPIPE, gone.errno());
    }
  }

  @Test
  void aPeerThatTakesNothingCannotHoldTheSender() throws Exception {
    List<SeqPacketSocket> pair = SeqPacketSocket.pair();
    try (SeqPacketSocket a = pair.getFirst();
        SeqPacketSocket b = pair.getLast()) {
      LinuxException full =
          assertThrows(
              LinuxException.class,
              () -> {
                while (true) {
                  a.send(new byte[8192], List.of(), 10);
                }
              });
      assertEquals(Errno.ETIMEDOUT, full.errno());
      assertNotNull(b.receive(8192, 0));
      LinuxException none = assertThrows(LinuxException.class, () -> a.receive(64, 10));
      assertEquals(Errno.ETIMEDOUT, none.errno());
    }
  }

  @Test
  void socketFileIsPrivateAndMayHaveALongPath() throws Exception {
    Path deep = temp;
    for (int i = 0; i < 6; i++) {
      deep = Files.createDirectory(deep.resolve("a directory, with a long name " + i));
    }
    Path path = deep.resolve("keeper.sock");
    assertTrue(path.toString().length() > 107);
    try (SeqPacketServer server = SeqPacketServer.bind(path)) {
      assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
      assertNull(server.accept(0));
      assertNull(server.accept(10));
      try (SeqPacketSocket client = SeqPacketSocket.connect(path);
          SeqPacketSocket accepted = server.accept(WAIT)) {
        PeerCredentials peer = accepted.peer();
        assertEquals(ProcessHandle.current().pid(), peer.pid());
        assertEquals(Processes.effectiveUser(), peer.uid());
        assertEquals(peer, client.peer());
      }
      try (Stream<Path> left = Files.list(deep)) {
        assertEquals(List.of(path), left.toList());
      }
    }
  }

  @Test
  void aSuccessorTakesThePathOver() throws Exception {
    Path path = temp.resolve("socket");
    LinuxException nobody = assertThrows(LinuxException.class, () -> SeqPacketSocket.connect(path));
    assertEquals(Errno.ENOENT, nobody.errno());
    SeqPacketServer old = SeqPacketServer.bind(path);
    try (SeqPacketSocket early = SeqPacketSocket.connect(path);
        SeqPacketServer successor = SeqPacketServer.bind(path)) {
      try (SeqPacketSocket late = SeqPacketSocket.connect(path)) {
        assertNotNull(successor.accept(WAIT));
        assertNull(successor.accept(0));
        assertNotNull(old.accept(WAIT));
        assertNull(old.accept(0));
      }
      old.close();
    }
    LinuxException refused =
        assertThrows(LinuxException.class, () -> SeqPacketSocket.connect(path));
    assertEquals(Errno.ECONNREFUSED, refused.errno());
  }

  @Test
  void aProcessIsKnownByItsDescriptor() throws Exception {
    Process child = new ProcessBuilder("cat").start();
    try (PidFd process = PidFd.open(child.pid())) {
      assertTrue(process.isAlive());
      assertFalse(process.awaitEnd(10));
      process.signal(9);
      assertTrue(process.awaitEnd(WAIT));
      assertEquals(128 + 9, child.waitFor());
      LinuxException gone = assertThrows(LinuxException.class, () -> process.signal(9));
      assertEquals(3, gone.errno());
    } finally {
      child.destroyForcibly();
    }
    List<SeqPacketSocket> pair = SeqPacketSocket.pair();
    try (SeqPacketSocket a = pair.getFirst();
        SeqPacketSocket b = pair.getLast();
        PidFd self = a.peerProcess();
        Fd copy = self.copyOf(b.fd().number())) {
      assertEquals(ProcessHandle.current().pid(), self.pid());
      assertTrue(copy.number() != b.fd().number());
    }
  }
}
