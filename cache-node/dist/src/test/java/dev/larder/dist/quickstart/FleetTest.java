package dev.larder.dist.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.LarderClient;
import dev.larder.dist.quickstart.DatasetReader.Result;
import dev.larder.dist.quickstart.Fleet.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A coordinator and agents as processes share what one of them was asked to cache. */
@Timeout(300)
class FleetTest {
  private static final int NODES = 2;
  private static final int SMALL_FILES = 40;
  private static final int LARGE_BYTES = 70 << 20;

  @TempDir Path directory;

  @Test
  void eachByteComesFromTheOriginOnce() throws Exception {
    Path source = source();
    long bytes;
    try (Fleet fleet = new Fleet(FleetTest::command, work(), Map.of())) {
      fleet.start(NODES);
      try (LarderClient client = fleet.connect(1)) {
        client.control().create("data", source.toUri().toString(), Map.of(), (o, b) -> {});
      }
      bytes = readOnAll(fleet, source);
      long peer = 0;
      long origin = 0;
      for (int node = 1; node <= NODES; node++) {
        Sources sources = fleet.sources(node);
        peer += sources.peer();
        origin += sources.origin();
      }
      assertEquals(bytes, origin, "from the origin, by both nodes together");
      assertTrue(peer >= bytes, "from members: " + peer + " of " + bytes);

      fleet.kill(2);
      fleet.startAgain(2);
      deleteFiles(source);
      Path copy = directory.resolve("copy");
      assertEquals(bytes, readOnAll(fleet, copy), "with the origin gone, after a kill");
      Sources none = new Sources(0, 0, 0, 0);
      assertEquals(new Sources(bytes, bytes, 0, 0), fleet.sources(2, none, bytes, 0));
    }
  }

  private static long readOnAll(Fleet fleet, Path source) throws Exception {
    long bytes = 0;
    try (ExecutorService readers = Executors.newFixedThreadPool(NODES)) {
      List<Future<Result>> results = new ArrayList<>();
      for (int node = 1; node <= NODES; node++) {
        int number = node;
        results.add(
            readers.submit(() -> {
              try (LarderClient client = fleet.connect(number)) {
                return new DatasetReader(client, "data", source, System.err).readAll();
              }
            }));
      }
      for (Future<Result> each : results) {
        Result result = each.get();
        assertEquals(0, result.mismatches());
        assertEquals(SMALL_FILES + 1, result.files());
        bytes = result.bytes();
      }
    }
    return bytes;
  }

  /** The files, and a copy of them that stays. */
  private Path source() throws IOException {
    Path source = Files.createDirectories(directory.resolve("source"));
    Path copy = Files.createDirectories(directory.resolve("copy"));
    Random random = new Random(11);
    for (int i = 0; i <= SMALL_FILES; i++) {
      byte[] content = new byte[i == 0 ? LARGE_BYTES : 1 + random.nextInt(65536)];
      random.nextBytes(content);
      Files.write(source.resolve("file-" + i), content);
      Files.write(copy.resolve("file-" + i), content);
    }
    return source;
  }

  private static void deleteFiles(Path source) throws IOException {
    for (int i = 0; i <= SMALL_FILES; i++) {
      Files.delete(source.resolve("file-" + i));
    }
  }

  private Path work() throws IOException {
    return Files.createDirectories(directory.resolve("work"));
  }

  private static List<String> command(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.larder.dist.Main"));
    command.addAll(List.of(arguments));
    return command;
  }
}
