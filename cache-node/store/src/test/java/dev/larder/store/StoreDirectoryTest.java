package dev.larder.store;

import static dev.larder.store.StoreTestSupport.config;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StoreDirectoryTest {
  @TempDir Path directory;

  private LarderException refused(Path where) {
    return assertThrows(LarderException.class, () -> LarderStore.open(config(where)));
  }

  private static void assertSays(LarderException e, ErrorCode code, String part) {
    assertEquals(code, e.code());
    assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
  }

  @Test
  void aSecondStoreInThisProcessIsRefusedAndTheFirstKeepsItsLock() throws Exception {
    try (LarderStore store = LarderStore.open(config(directory))) {
      String pid = Long.toString(ProcessHandle.current().pid());
      assertSays(refused(directory), ErrorCode.STORE_LOCKED, pid);
      assertSays(
          refused(directory.resolve("..").resolve(directory.getFileName())),
          ErrorCode.STORE_LOCKED,
          pid);
      assertEquals(0, store.stats().sealedBlobs());
      assertEquals("locked", tryLockElsewhere());
    }
    assertEquals("free", tryLockElsewhere());
    LarderStore.open(config(directory)).close();
  }

  /** Another process asks the kernel for the lock. */
  private String tryLockElsewhere() throws Exception {
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Locker.class.getName(),
                directory.resolve("LOCK").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String said = new String(other.getInputStream().readAllBytes(), "US-ASCII");
    assertEquals(0, other.waitFor());
    return said;
  }

  /** Prints whether the lock is free. */
  static final class Locker {
    public static void main(String[] arguments) throws IOException {
      try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE);
          FileLock lock = channel.tryLock()) {
        System.err.flush();
        new java.io.FileOutputStream(java.io.FileDescriptor.out)
            .write((lock == null ? "locked" : "free").getBytes("US-ASCII"));
      }
    }
  }

  @Test
  void aStoreLockedByAnotherProcessNamesIt() throws Exception {
    LarderStore.open(config(directory)).close();
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName(),
                directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertEquals('r', other.getInputStream().read());
      assertSays(refused(directory), ErrorCode.STORE_LOCKED, "process " + other.pid());
    } finally {
      other.destroyForcibly().waitFor();
    }
    LarderStore.open(config(directory)).close();
  }

  /** Holds a store open until it is killed. */
  static final class Holder {
    public static void main(String[] arguments) throws IOException {
      LarderStore store = LarderStore.open(config(Path.of(arguments[0])));
      new java.io.FileOutputStream(java.io.FileDescriptor.out).write('r');
      while (store.stats().sealedBlobs() == 0) {
        java.util.concurrent.locks.LockSupport.parkNanos(1_000_000_000L);
      }
    }
  }

  @Test
  void aNewerFormatIsRefusedAndLeftAlone() throws IOException {
    LarderStore.open(config(directory)).close();
    Path version = directory.resolve("VERSION");
    assertEquals("larder-store 1\n", Files.readString(version));
    Files.writeString(version, "larder-store 2\n");
    assertSays(refused(directory), ErrorCode.STORE_UNUSABLE, version.toString());
    assertEquals("larder-store 2\n", Files.readString(version));
    Files.writeString(version, "something else");
    assertSays(refused(directory), ErrorCode.STORE_UNUSABLE, version.toString());
    Files.writeString(version, "larder-store 1\n");
    LarderStore.open(config(directory)).close();
  }

  @Test
  void aFileInPlaceOfTheDirectoryIsRefused() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "x");
    assertSays(refused(file), ErrorCode.STORE_UNUSABLE, file.toString());
  }

  @Test
  void aReadOnlyVolumeIsRefused() throws Exception {
    try (TestVolume volume = TestVolume.tmpfs(directory, 16)) {
      LarderStore.open(config(volume.path())).close();
      volume.remount("ro");
      assertSays(refused(volume.path()), ErrorCode.STORE_UNUSABLE, "not writable");
      volume.remount("rw");
      LarderStore.open(config(volume.path())).close();
    }
  }

  @Test
  void wrongConfigurationNamesItsKey() {
    StoreConfig good = StoreConfig.defaults(directory);
    LarderException e = assertThrows(LarderException.class, () -> good.withBudget(-5, 0));
    assertSays(e, ErrorCode.BAD_CONFIG, "store.disk-max");
    assertEquals(MinFree.DEFAULT, good.diskMinFree());
    LarderException percent = assertThrows(LarderException.class, () -> MinFree.parse("100%"));
    assertSays(percent, ErrorCode.BAD_CONFIG, "store.disk-min-free");
    assertTrue(String.valueOf(percent.getMessage()).contains("\"100%\""), percent.getMessage());
    assertTrue(String.valueOf(percent.getMessage()).contains("0% to 99%"), percent.getMessage());
    assertThrows(LarderException.class, () -> MinFree.parse("x%"));
    assertThrows(LarderException.class, () -> MinFree.parse("much"));
    assertEquals(20L << 30, MinFree.parse("20%").of(100L << 30));
    assertEquals(1L << 30, MinFree.parse("20%").of(1L << 30));
    assertEquals(5L << 20, MinFree.parse("5MiB").of(100L << 30));
    assertEquals(1024, good.openFilesMax());
  }
}
