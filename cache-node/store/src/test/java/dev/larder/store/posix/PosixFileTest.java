package dev.larder.store.posix;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PosixFileTest {
  @TempDir Path folder;

  private static ByteBuffer direct(int... values) {
    ByteBuffer out = ByteBuffer.allocateDirect(values.length);
    for (int value : values) {
      out.put((byte) value);
    }
    return out.flip();
  }

  @Test
  void writesReadsAndPunchesWithoutChangingTheSize() throws IOException {
    Path path = folder.resolve("file");
    try (PosixFile file = PosixFile.openOrCreate(path)) {
      file.truncate(1 << 20);
      assertTrue(file.hasHole());
      assertTrue(file.reserve(0, 1 << 20));
      assertEquals(1 << 20, file.size());
      file.write(5000, direct(1, 2, 3));
      file.syncData();
      ByteBuffer back = ByteBuffer.allocateDirect(3);
      assertEquals(3, file.read(5000, back));
      assertEquals(direct(1, 2, 3), back.flip());
      assertTrue(file.punch(4096, 4096));
      assertEquals(3, file.read(5000, back.clear()));
      assertEquals(direct(0, 0, 0), back.flip());
      assertEquals(0, file.read(1 << 20, back.clear()));
      file.mode(0444);
      file.sync();
    }
    assertEquals("r--r--r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
    assertEquals(1 << 20, Files.size(path));
    PosixFile.syncFolder(folder);
  }

  @Test
  void survivesTheInterruptOfItsUser() throws IOException {
    try (PosixFile file = PosixFile.openOrCreate(folder.resolve("file"))) {
      Thread.currentThread().interrupt();
      file.write(0, direct(9));
      ByteBuffer back = ByteBuffer.allocateDirect(1);
      assertEquals(1, file.read(0, back));
      assertTrue(Thread.interrupted());
      assertEquals(1, file.size());
    }
  }

  @Test
  void faultsNameTheFile() throws IOException {
    assertThrows(NoSuchFileException.class, () -> PosixFile.openExisting(folder.resolve("absent")));
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("absent"));
    PosixException refused = assertThrows(PosixException.class, () -> PosixFile.openOrCreate(link));
    assertTrue(String.valueOf(refused.getMessage()).contains("link"));
    assertFalse(refused.isNoSpace());
    try (PosixFile readOnly =
        PosixFile.openReadOnly(Files.write(folder.resolve("given"), new byte[] {4, 5}))) {
      assertThrows(PosixException.class, () -> readOnly.write(0, direct(1)));
      assertThrows(IllegalArgumentException.class, () -> readOnly.read(0, ByteBuffer.allocate(1)));
    }
    assertArrayEquals(new byte[] {4, 5}, Files.readAllBytes(folder.resolve("given")));
  }
}
