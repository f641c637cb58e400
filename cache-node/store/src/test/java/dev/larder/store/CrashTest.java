package dev.larder.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/**
 * kill -9 at random moments of filling, sealing, eviction, deletion and compaction: no wrong byte,
 * no orphan file, nothing lost that was acknowledged, figures that add up.
 */
class CrashTest {
  private static final int MIB = 1 << 20;
  private static final long TIGHT_BUDGET_BYTES = 24L * MIB;
  private static final int LINES_MAX = 400;

  /** Loops of each kind. */
  private static final int LOOPS = 10;

  private static final int LOOPS_LONG = 250;

  @TempDir Path folder;

  private final long seed = Seeds.next();

  @Test
  void losesNothingAcknowledged() throws Exception {
    crash(0, LOOPS);
  }

  @Test
  void staysRightUnderEviction() throws Exception {
    crash(TIGHT_BUDGET_BYTES, LOOPS);
  }

  @Test
  @Tag("long")
  void losesNothingAcknowledgedLong() throws Exception {
    crash(0, LOOPS_LONG);
  }

  @Test
  @Tag("long")
  void staysRightUnderEvictionLong() throws Exception {
    crash(TIGHT_BUDGET_BYTES, LOOPS_LONG);
  }

  private void crash(long budget, int loops) throws Exception {
    Path directory = folder.resolve("store");
    Random random = new Random(seed);
    CrashOracle oracle = new CrashOracle(budget != 0);
    List<Sample> samples = StoreWorkload.samples();
    long evicted = 0;
    long compacted = 0;
    // A kill may come before the first compaction; then more loops than asked for.
    for (int loop = 0; loop < loops || (compacted == 0 && loop < 4 * loops); loop++) {
      String where = "seed " + seed + " loop " + loop + ": ";
      try {
        evicted += runAndKill(directory, budget, random, oracle);
        compacted += compactedFiles(directory.resolve("index"));
        try (LarderStore store = LarderStore.open(CrashChild.config(directory, budget))) {
          oracle.check(store);
          StoreTruth.checkClaims(store, samples);
          store.awaitSettled();
          StoreTruth.checkFilesAndStats(store, directory, samples);
          StoreTruth.checkNothingSetAside(directory);
          assertEquals(0, store.stats().counters().get("index_set_aside_total"));
        }
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(where + e, e);
      }
    }
    assertTrue(oracle.checked() > loops, "the oracle had hardly anything to check");
    // Else the kills proved nothing about eviction and compaction.
    assertTrue(budget == 0 || evicted > 0, "nothing was ever evicted, seed " + seed);
    assertTrue(compacted > 0, "RocksDB never compacted, seed " + seed);
  }

  /** Answers how many units the child said it had evicted. */
  private long runAndKill(Path directory, long budget, Random random, CrashOracle oracle)
      throws IOException, InterruptedException {
    int lines = random.nextInt(LINES_MAX);
    long pauseMicros = random.nextInt(20_000);
    File errors = Files.createTempFile(folder, "child", ".err").toFile();
    Process child = start(directory, budget, random.nextLong(), errors);
    List<String> heard = new ArrayList<>();
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(child.getInputStream(), StandardCharsets.US_ASCII))) {
      String first = in.readLine();
      assertEquals(CrashChild.READY, first, () -> "the child did not start: " + read(errors));
      for (int i = 0; i < lines; i++) {
        heard.add(java.util.Objects.requireNonNull(in.readLine(), () -> read(errors)));
      }
      java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(pauseMicros));
      kill(child);
      // What the pipe still holds was acknowledged too; a cut last line was not told.
      String rest = new String(readRest(in));
      for (String line : rest.substring(0, rest.lastIndexOf('\n') + 1).split("\n")) {
        if (!line.isEmpty()) {
          heard.add(line);
        }
      }
    } finally {
      kill(child);
    }
    assertFalse(
        heard.stream().anyMatch(line -> line.startsWith("fault")),
        () -> "the child failed: " + read(errors));
    long evicted = 0;
    for (String line : heard) {
      if (line.startsWith(CrashChild.EVICTED)) {
        evicted = Long.parseLong(line.substring(CrashChild.EVICTED.length()));
      } else {
        oracle.hear(line);
      }
    }
    return evicted;
  }

  /** Files below level 0, where only a compaction puts them. */
  private static long compactedFiles(Path index) throws RocksDBException {
    try (RocksDB db = RocksDB.openReadOnly(index.toString())) {
      return db.getLiveFilesMetaData().stream().filter(file -> file.level() > 0).count();
    }
  }

  private static char[] readRest(BufferedReader in) throws IOException {
    java.io.CharArrayWriter out = new java.io.CharArrayWriter();
    in.transferTo(out);
    return out.toCharArray();
  }

  /** SIGKILL: nothing of the child runs any more. */
  private static void kill(Process child) throws InterruptedException {
    // The process's own destroyForcibly would also close the pipe, and lose what it holds.
    child.toHandle().destroyForcibly();
    assertTrue(child.waitFor(30, TimeUnit.SECONDS), "the child does not die");
  }

  private Process start(Path directory, long budget, long seed, File errors) throws IOException {
    Path temporary = Files.createDirectories(folder.resolve("tmp"));
    try (Stream<Path> left = Files.list(temporary)) {
      for (Path file : left.toList()) {
        Files.delete(file);
      }
    }
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            // RocksDB unpacks its library here; a killed process does not delete it.
            "-Djava.io.tmpdir=" + temporary,
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            CrashChild.class.getName(),
            directory.toString(),
            Long.toString(budget),
            Long.toString(seed))
        .redirectError(errors)
        .start();
  }

  private static String read(File errors) {
    try {
      return Files.readString(errors.toPath());
    } catch (IOException e) {
      return e.toString();
    }
  }
}
