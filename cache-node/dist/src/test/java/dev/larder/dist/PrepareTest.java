package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code larder prepare} in a process of its own. */
class PrepareTest {
  @TempDir Path directory;

  @Test
  void usesEverythingAndLeavesNothing() throws Exception {
    Path output = directory.resolve("output");
    Path temporary = Files.createDirectory(directory.resolve("tmp"));
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx192m",
                "-ea",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                "dev.larder.dist.Main",
                "prepare")
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(120, TimeUnit.SECONDS);
    process.destroyForcibly().waitFor();
    String printed = Files.readString(output);
    assertTrue(ended, () -> "still running: " + printed);
    assertEquals(0, process.exitValue(), printed);
    assertFalse(printed.contains("without a cluster"), printed);
    if ("root".equals(System.getProperty("user.name"))) {
      assertFalse(printed.contains("without mounts"), printed);
    }
    assertFalse(Files.readString(Path.of("/proc/self/mountinfo")).contains(temporary.toString()));
    try (Stream<Path> left = Files.list(temporary)) {
      // Native libraries are unpacked there by those who load them.
      List<Path> own =
          left.filter(path -> path.getFileName().toString().startsWith("larder-prepare")).toList();
      assertEquals(List.of(), own);
    }
  }
}
