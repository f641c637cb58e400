package dev.larder.store.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDB;
import org.rocksdb.util.Environment;

/**
 * What the distribution relies on when it keeps RocksDB's library unpacked in {@code lib/native}.
 */
final class NativeLibraryTest {
  @TempDir Path folder;

  @Test
  void isLoadedFromTheLibraryPath() throws Exception {
    String name = Environment.getJniLibraryFileName("rocksdb");
    try (InputStream in = RocksDB.class.getClassLoader().getResourceAsStream(name)) {
      Files.copy(java.util.Objects.requireNonNull(in, name), folder.resolve(name));
    }
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.library.path=" + folder,
                "-cp",
                System.getProperty("java.class.path"),
                Loader.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      String mapped =
          new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      assertTrue(child.waitFor(60, TimeUnit.SECONDS), "the child does not end");
      assertEquals(folder.resolve(name).toRealPath().toString(), mapped);
    } finally {
      child.destroyForcibly();
    }
  }

  /** A process loads the library once, so this needs its own. */
  static final class Loader {
    private Loader() {}

    public static void main(String[] arguments) throws IOException {
      RocksDB.loadLibrary();
      for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
        if (line.contains("librocksdbjni")) {
          System.out.println(line.substring(line.indexOf('/')));
          return;
        }
      }
    }
  }
}
