package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoriesTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir Path temp;

  @Test
  void onlyEmptyDirectoriesGo() throws Exception {
    Path directory = Files.createDirectory(temp.resolve("a directory, with: odd \\ name \u00e4"));
    Path file = Files.createFile(directory.resolve("file"));
    Path link = Files.createSymbolicLink(temp.resolve("link"), directory);
    assertEquals(Errno.ENOTEMPTY, refusal(directory));
    assertEquals(Errno.ENOTDIR, refusal(file));
    assertEquals(Errno.ENOTDIR, refusal(link));
    assertEquals(Errno.ENOENT, refusal(temp.resolve("absent")));
    assertEquals(Errno.ENAMETOOLONG, refusal(temp.resolve("x".repeat(256))));
    Files.delete(file);
    assertEquals(Errno.ENOTDIR, refusal(link), "a link is not followed");
    Directories.remove(directory);
    assertFalse(Files.exists(directory));
    assertTrue(Files.exists(link, LinkOption.NOFOLLOW_LINKS));
  }

  /** Nobody ever reads from this device: who asks the file system for anything waits. */
  @Test
  void aMountThatNeitherAnswersNorFailsIsNotAsked() throws Exception {
    try (Playground play = new Playground();
        FuseDevice device = FuseDevice.open()) {
      Path target = play.directory("target");
      try (MountFd mount = new FuseMount("silent", "test", 0555, true, false, 4096).of(device)) {
        mount.attach(target);
      }
      try {
        assertEquals(Errno.EBUSY, assertTimeoutPreemptively(LIMIT, () -> refusal(target)));
        assertNotNull(MountTable.read().top(target));
      } finally {
        Unmount.forced(target);
      }
      Directories.remove(target);
      assertFalse(Files.exists(target));
    }
  }

  private static int refusal(Path directory) {
    return assertThrows(LinuxException.class, () -> Directories.remove(directory)).errno();
  }
}
