package dev.larder.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Downloads stay below their target. */
class LocalPathsTest {
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "a/../b", "a//b", "/etc/passwd", "a/..", "a\0b"})
  void pathsThatLeadElsewhereAreRefused(String path) {
    assertEquals(ErrorCode.BAD_REQUEST, fault(directory.resolve("target"), path).code());
  }

  @Test
  void aFolderThatIsALinkIsRefusedWhereverItLeads() throws Exception {
    Path target = Files.createDirectories(directory.resolve("target"));
    Path outside = Files.createDirectories(directory.resolve("outside"));
    Files.createSymbolicLink(target.resolve("m"), outside);
    LarderException e = fault(target, "m/x");
    assertEquals(ErrorCode.BAD_REQUEST, e.code());
    assertTrue(e.getMessage().contains(target.resolve("m").toString()), e.getMessage());
    assertEquals(target.resolve("n/x"), LocalPaths.resolve(target, "n/x"));
    Files.createDirectories(target.resolve("d"));
    Files.createSymbolicLink(target.resolve("d/m"), Path.of(".."));
    assertEquals(ErrorCode.BAD_REQUEST, fault(target, "d/m/x/y").code());
    assertEquals(target.resolve("d/m"), LocalPaths.resolve(target, "d/m"), "the link itself");
  }

  @Test
  void theTargetItselfMayBeReachedThroughALink() throws Exception {
    Path real = Files.createDirectories(directory.resolve("real"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), real);
    assertEquals(link.resolve("a/b"), LocalPaths.resolve(link, "a/b"));
  }

  private static LarderException fault(Path target, String path) {
    return assertThrows(LarderException.class, () -> LocalPaths.resolve(target, path));
  }
}
