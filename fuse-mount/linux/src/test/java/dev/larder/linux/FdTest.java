package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FdTest {
  @TempDir Path temp;

  @Test
  void readsAtPositionsAndWritesVectors() throws Exception {
    Path file = temp.resolve("file, with:odd\\name \u00e4");
    try (Arena arena = Arena.ofConfined();
        Fd fd = Fd.open(file, Fd.O_RDWR | Fd.O_CREAT | Fd.O_EXCL)) {
      MemorySegment head = arena.allocateFrom("..head");
      MemorySegment tail = arena.allocateFrom("tail");
      IoVectors vectors = new IoVectors(3);
      vectors.set(0, head, 2, 4);
      vectors.set(1, tail, 0, 4);
      assertEquals(8, fd.writev(vectors, 2));
      assertEquals(8, fd.size());
      MemorySegment target = arena.allocate(16);
      assertEquals(6, fd.pread(target, 1, 15, 2));
      assertEquals("adtail", target.getString(1));
      assertEquals(0, fd.pread(target, 0, 1, 8));
      assertThrows(IndexOutOfBoundsException.class, () -> fd.pread(target, 2, 15, 0));
    }
    assertEquals("headtail", Files.readString(file));
  }

  @Test
  void errorsAreNegatedNumbersOrNameTheCall() throws Exception {
    LinuxException absent =
        assertThrows(LinuxException.class, () -> Fd.open(temp.resolve("absent"), Fd.O_RDONLY));
    assertEquals(Errno.ENOENT, absent.errno());
    assertEquals("open " + temp.resolve("absent") + ": ENOENT", absent.getMessage());
    try (Arena arena = Arena.ofConfined();
        Fd directory = Fd.open(temp, Fd.O_RDONLY | Fd.O_DIRECTORY)) {
      MemorySegment target = arena.allocate(16);
      assertEquals(-Errno.EISDIR, directory.read(target, 0, 16));
      assertEquals(-Errno.EISDIR, directory.pread(target, 0, 16, 0));
      assertEquals(-Errno.EBADF, directory.write(target, 0, 16));
    }
  }

  @Test
  void whatTheKernelKnowsIsOpenedWithoutWaiting() throws Exception {
    Path directory = Files.createDirectory(temp.resolve("directory"));
    Path link = Files.createSymbolicLink(temp.resolve("link"), directory);
    int flags = Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_NOFOLLOW;
    try (Fd cached = Fd.openCached(directory, flags);
        Fd root = Fd.openDirectory(Path.of("/proc"))) {
      assertNotNull(cached);
      assertEquals(directory.toRealPath(), Files.readSymbolicLink(cached.procPath()));
      assertNotEquals(root.mountId(), cached.mountId());
      try (Fd above = Fd.openDirectory(temp)) {
        assertEquals(above.mountId(), cached.mountId());
      }
    }
    assertNull(Fd.openCached(link, flags));
    assertNull(Fd.openCached(temp.resolve("absent"), flags));
  }

  @Test
  void sizesBeyondAnIntArePassedOn() throws Exception {
    Path file = temp.resolve("sparse");
    try (Fd fd = Fd.open(file, Fd.O_RDWR | Fd.O_CREAT)) {
      // The one size whose lower half looks like -1.
      assertEquals(0, Libc.ftruncate(fd.number(), 0xFFFF_FFFFL));
      assertEquals(0xFFFF_FFFFL, fd.size());
    }
  }

  @Test
  void descriptorsAreClosedOnExecAndOnce() throws Exception {
    Fd fd = Fd.open(temp, Fd.O_RDONLY);
    Fd other = fd.dup();
    for (Fd each : new Fd[] {fd, other}) {
      int closeOnExec = 1;
      assertEquals(closeOnExec, Libc.fcntl(each.number(), 1, 0));
    }
    int number = fd.number();
    fd.close();
    try (Fd reuse = Fd.open(temp, Fd.O_RDONLY)) {
      assertEquals(number, reuse.number(), "the lowest free number is given");
      fd.close();
      assertTrue(Files.exists(reuse.procPath()), "a second close closed a stranger's descriptor");
    }
    assertThrows(IllegalStateException.class, fd::number);
    assertTrue(Files.exists(other.procPath()));
    other.close();
  }

  @Test
  void hotCallsAllocateNothing() throws Exception {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    Path file = temp.resolve("file");
    Files.write(file, new byte[8192]);
    try (Fd source = Fd.open(file, Fd.O_RDONLY);
        Fd sink = Fd.open(Path.of("/dev/null"), Fd.O_RDWR);
        NativeBuffer buffer = NativeBuffer.locked(16384)) {
      IoVectors vectors = new IoVectors(2);
      long self = Thread.currentThread().threadId();
      long failures = 0;
      long allocated = Long.MAX_VALUE;
      // As soon as the compiler is through; it takes its time on a machine that does other things.
      for (int batch = 0; batch < 2000 && allocated > 0; batch++) {
        long before = threads.getThreadAllocatedBytes(self);
        for (int i = 0; i < 1000; i++) {
          failures += pass(source, sink, buffer.memory(), vectors);
        }
        allocated = threads.getThreadAllocatedBytes(self) - before;
      }
      assertEquals(0, failures);
      assertEquals(0, allocated, "bytes allocated in 5,000 calls");
    }
  }

  private static long pass(Fd source, Fd sink, MemorySegment memory, IoVectors vectors) {
    long wrong = 0;
    wrong += source.pread(memory, 64, 4096, 4096) == 4096 ? 0 : 1;
    wrong += source.pread(memory, 0, 16, -1) == -Errno.EINVAL ? 0 : 1;
    wrong += sink.read(memory, 0, 16) == 0 ? 0 : 1;
    vectors.set(0, memory, 0, 16);
    vectors.set(1, memory, 64, 4096);
    wrong += sink.writev(vectors, 2) == 4112 ? 0 : 1;
    wrong += sink.write(memory, 0, 16) == 16 ? 0 : 1;
    return wrong;
  }

  @Test
  void nonblockingReadsGiveEagain() throws Exception {
    try (EventFd event = new EventFd();
        Arena arena = Arena.ofConfined()) {
      MemorySegment target = arena.allocate(8, 8);
      assertEquals(-Errno.EAGAIN, event.fd().read(target, 0, 8));
      assertFalse(event.fd().awaitReadable(0));
      event.signal();
      event.signal();
      assertTrue(event.fd().awaitReadable(0));
      assertEquals(8, event.fd().read(target, 0, 8));
      assertEquals(2, target.get(ValueLayout.JAVA_LONG, 0));
      event.signal();
      event.reset();
      assertFalse(event.fd().awaitReadable(0));
    }
  }

  @Test
  void pollerTellsWhichDescriptorAndWaitsNoLonger() throws Exception {
    try (EventFd quiet = new EventFd();
        EventFd loud = new EventFd()) {
      Poller poller = new Poller(3);
      poller.set(0, quiet.fd(), Poller.IN);
      poller.set(2, loud.fd(), Poller.IN);
      long start = System.nanoTime();
      assertEquals(0, poller.await(30));
      assertTrue(System.nanoTime() - start >= 29_000_000L);
      Thread waker = Thread.ofPlatform().start(loud::signal);
      assertEquals(1, poller.await(-1));
      waker.join();
      assertEquals(0, poller.events(0));
      assertEquals(0, poller.events(1));
      assertEquals(Poller.IN, poller.events(2));
    }
  }

  @Test
  void namesOfErrors() {
    assertEquals("ENOENT", Errno.name(2));
    assertEquals("errno 131", Errno.name(131));
  }
}
