package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedMemoryTest {
  @TempDir Path temp;

  @Test
  void twoMappingsSeeOneMemory() throws Exception {
    try (SharedMemory one = SharedMemory.create("larder-test", 1 << 20);
        SharedMemory other = SharedMemory.attach(one.fd().dup())) {
      one.memory().set(ValueLayout.JAVA_LONG, 4096, 42);
      assertEquals(42, other.memory().get(ValueLayout.JAVA_LONG, 4096));
      assertEquals(1 << 20, other.memory().byteSize());
    }
  }

  @Test
  void sizeIsSealed() throws Exception {
    try (SharedMemory memory = SharedMemory.create("larder-test", 8192)) {
      assertEquals(-Errno.EPERM, Libc.ftruncate(memory.fd().number(), 0));
      assertEquals(-Errno.EPERM, Libc.ftruncate(memory.fd().number(), 1 << 20));
    }
  }

  @Test
  void memoryThatCanShrinkIsRefused() throws Exception {
    Path file = temp.resolve("plain");
    Files.write(file, new byte[8192]);
    Fd plain = Fd.open(file, Fd.O_RDWR);
    assertThrows(LinuxException.class, () -> SharedMemory.attach(plain));
    assertTrue(plain.isClosed());
    Fd unsealed = Memfd.create("larder-test");
    Libc.ftruncate(unsealed.number(), 4096);
    LinuxException refused =
        assertThrows(LinuxException.class, () -> SharedMemory.attach(unsealed));
    assertTrue(refused.getMessage().contains("not sealed"), refused.getMessage());
    assertTrue(unsealed.isClosed());
  }

  @Test
  void roomIsTakenOnlyWhereTouched() throws Exception {
    long bytes = 64 << 20;
    try (SharedMemory memory = SharedMemory.create("larder-test", bytes)) {
      assertEquals(0, allocated(memory));
      memory.populate(0, 1 << 20);
      assertEquals(1 << 20, allocated(memory));
      memory.lock(2 << 20, 1 << 20);
      assertEquals(2 << 20, allocated(memory));
      assertThrows(IndexOutOfBoundsException.class, () -> memory.lock(bytes, 4096));
    }
  }

  private static long allocated(SharedMemory memory) throws Exception {
    Process stat =
        new ProcessBuilder(
                "stat",
                "-L",
                "-c",
                "%b",
                "/proc/" + ProcessHandle.current().pid() + "/fd/" + memory.fd().number())
            .start();
    String said = new String(stat.getInputStream().readAllBytes()).trim();
    assertEquals(0, stat.waitFor());
    return Long.parseLong(said) * 512;
  }

  @Test
  void lockedMemoryIsResident() throws Exception {
    long before = lockedKilobytes();
    try (NativeBuffer buffer = NativeBuffer.locked(4 << 20)) {
      assertEquals(4 << 20, buffer.memory().byteSize());
      assertEquals(0, buffer.memory().address() % 4096);
      assertTrue(lockedKilobytes() >= before + 4096);
      buffer.memory().set(ValueLayout.JAVA_BYTE, (4 << 20) - 1, (byte) 1);
      buffer.close();
      assertFalse(lockedKilobytes() >= before + 4096);
      assertThrows(
          IllegalStateException.class, () -> buffer.memory().get(ValueLayout.JAVA_BYTE, 0));
    }
  }

  private static long lockedKilobytes() throws Exception {
    List<String> status = Files.readAllLines(Path.of("/proc/self/status"));
    String line = status.stream().filter(s -> s.startsWith("VmLck:")).findFirst().orElseThrow();
    return Long.parseLong(line.replaceAll("[^0-9]", ""));
  }
}
