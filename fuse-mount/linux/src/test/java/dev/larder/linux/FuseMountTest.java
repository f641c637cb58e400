package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** /dev/fuse and its mount, with as much of the protocol as INIT takes. */
class FuseMountTest {
  private static final int INIT = 26;
  private static final int WAIT = 20_000;

  @Test
  void mountsNegotiatesAndBacks() throws Exception {
    try (Playground play = new Playground();
        FuseDevice device = FuseDevice.open();
        NativeBuffer buffer = NativeBuffer.locked(1 << 16)) {
      assertThrows(LinuxException.class, device::newClone);
      Path target = play.directory("target");
      try (MountFd mount =
          new FuseMount("larder", "larder", 0700, true, true, 1 << 20).of(device)) {
        mount.attach(target);
      }
      MountEntry entry = MountTable.read().top(target);
      assertNotNull(entry);
      assertEquals("fuse.larder", entry.type());
      assertTrue(entry.superOptions().contains("allow_other"));
      assertTrue(entry.superOptions().contains("default_permissions"));

      MemorySegment memory = buffer.memory();
      assertTrue(device.fd().awaitReadable(WAIT));
      long length = device.fd().read(memory, 0, memory.byteSize());
      assertEquals(length, memory.get(ValueLayout.JAVA_INT, 0));
      assertEquals(INIT, memory.get(ValueLayout.JAVA_INT, 4));
      assertEquals(80, answerInit(device, memory));

      device.fd().nonblocking(true);
      assertEquals(-Errno.EAGAIN, device.fd().read(memory, 0, memory.byteSize()));
      try (FuseDevice clone = device.newClone();
          Fd file = Fd.open(play.catalog(java.util.Map.of()), Fd.O_RDONLY);
          Fd directory = Fd.open(play.root, Fd.O_RDONLY)) {
        clone.fd().nonblocking(true);
        assertEquals(-Errno.EAGAIN, clone.fd().read(memory, 0, memory.byteSize()));
        int id = device.backingOpen(file);
        assertTrue(id > 0);
        assertThrows(LinuxException.class, () -> device.backingOpen(directory));
        device.backingClose(id);
        LinuxException gone = assertThrows(LinuxException.class, () -> device.backingClose(id));
        assertEquals(Errno.ENOENT, gone.errno());
      }
      Unmount.lazily(target);
      // The unmount tells a device that has no one waiting; then it is dead.
      Waiting.until(() -> device.fd().read(memory, 0, memory.byteSize()) == -Errno.ENODEV);
      assertTrue(Files.isDirectory(target));
    }
  }

  private static long answerInit(FuseDevice device, MemorySegment memory) {
    long unique = memory.get(ValueLayout.JAVA_LONG, 8);
    int minor = memory.get(ValueLayout.JAVA_INT, 44);
    memory.asSlice(0, 80).fill((byte) 0);
    memory.set(ValueLayout.JAVA_INT, 0, 80);
    memory.set(ValueLayout.JAVA_LONG, 8, unique);
    memory.set(ValueLayout.JAVA_INT, 16, 7);
    memory.set(ValueLayout.JAVA_INT, 20, minor);
    memory.set(ValueLayout.JAVA_INT, 28, 1 << 30); // INIT_EXT
    memory.set(ValueLayout.JAVA_INT, 36, 4096);
    memory.set(ValueLayout.JAVA_INT, 48, 1 << 5); // PASSTHROUGH, bit 37
    memory.set(ValueLayout.JAVA_INT, 52, 1);
    return device.fd().write(memory, 0, 80);
  }
}
