package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What a killed test leaves behind is taken back: the tests here rely on it. */
class ReaperTest {
  @Test
  void aKilledTestLeavesNoMountAndNoProcess() throws Exception {
    try (Playground play = new Playground(" o\u00e4\\ ")) {
      Process test =
          play.watch(
              new ProcessBuilder(
                      ProcessHandle.current().info().command().orElseThrow(),
                      "--enable-native-access=ALL-UNNAMED",
                      "-Djava.io.tmpdir=" + play.root,
                      "-cp",
                      System.getProperty("java.class.path"),
                      TestMain.class.getName())
                  .redirectError(ProcessBuilder.Redirect.INHERIT)
                  .start());
      try (BufferedReader said = test.inputReader(StandardCharsets.UTF_8)) {
        long child = Long.parseLong(said.readLine());
        assertTrue(ProcessHandle.of(child).isPresent());
        assertEquals(2, play.mounts().size());
        test.destroyForcibly().waitFor();
        Waiting.until(() -> play.mounts().isEmpty());
        Waiting.until(() -> ProcessHandle.of(child).filter(ProcessHandle::isAlive).isEmpty());
        assertFalse(test.isAlive());
      }
    }
  }

  /** Mounts twice, starts a process, and waits to be killed. */
  static final class TestMain {
    public static void main(String[] args) throws Exception {
      try (Playground play = new Playground()) {
        Process child = play.watch(new ProcessBuilder("sleep", "600").start());
        Path lower = play.directory("a b\\c");
        tmpfs(lower);
        tmpfs(Files.createDirectory(lower.resolve("upper")));
        System.out.println(child.pid());
        Thread.currentThread().join();
      }
    }

    private static void tmpfs(Path target) throws Exception {
      try (FsContext context = FsContext.open("tmpfs");
          MountFd mount = context.create().mount(0)) {
        mount.attach(target);
      }
    }
  }
}
