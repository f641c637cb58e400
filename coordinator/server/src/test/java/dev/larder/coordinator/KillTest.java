package dev.larder.coordinator;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.coordinator.logic.RandomRecords;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** kill -9 while it writes, snapshots and purges: no acknowledged change is lost. */
class KillTest {
  @TempDir Path data;
  // RocksDB unpacks its library here; a killed process does not delete it.
  @TempDir Path temporary;

  // A start is four seconds of one core: slow where many builds share it, and no fault then.
  @Test
  @Timeout(value = 15, unit = TimeUnit.MINUTES)
  void losesNothingAcknowledgedInTwentyKills() throws Exception {
    kill(20);
  }

  @Test
  @Tag("long")
  @Timeout(value = 60, unit = TimeUnit.MINUTES)
  void losesNothingAcknowledgedInTwoHundredKills() throws Exception {
    kill(200);
  }

  private void kill(int loops) throws Exception {
    long seed = RandomRecords.seed();
    Random random = new Random(seed);
    long acknowledged = 0;
    for (int loop = 0; loop < loops; loop++) {
      String hint = "loop " + loop + " -Dlarder.seed=" + seed;
      Process child = start();
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(child.getInputStream(), StandardCharsets.US_ASCII))) {
        long recovered = number(lines, "recovered ", hint);
        assertTrue(
            recovered >= acknowledged, hint + ": lost " + acknowledged + ", has " + recovered);
        // One change may have been on its way when it was killed.
        assertTrue(recovered <= acknowledged + 1, hint + ": made up " + recovered);
        acknowledged = recovered;
        int wanted = random.nextInt(20);
        for (int i = 0; i < wanted; i++) {
          acknowledged = number(lines, "ack ", hint);
        }
        // Dies somewhere in the next writes, whose acknowledgements count if they come through.
        busy(random.nextInt(20_000_000));
        // Process.destroyForcibly would close the pipe with what is still in it.
        child.toHandle().destroyForcibly();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          if (line.startsWith("ack ")) {
            acknowledged = Long.parseLong(line.substring(4));
          }
        }
      } finally {
        child.destroyForcibly();
        assertTrue(child.waitFor(60, TimeUnit.SECONDS), hint);
      }
    }
    var limits = TestCoordinator.limits(25, 5_000, 1_000_000, Duration.ofMinutes(5));
    try (TestCoordinator coordinator = TestCoordinator.start(data, limits, Clock.systemUTC())) {
      long last = CrashChild.check(coordinator.server().client());
      assertTrue(last >= acknowledged && last <= acknowledged + 1, "-Dlarder.seed=" + seed);
    }
  }

  private Process start() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-Djava.io.tmpdir=" + temporary,
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            CrashChild.class.getName(),
            data.toString())
        .redirectErrorStream(true)
        .start();
  }

  /** The number behind a word on one of the next lines; other lines are the log's. */
  private static long number(BufferedReader lines, String word, String hint) throws IOException {
    StringBuilder others = new StringBuilder();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (line.startsWith(word)) {
        return Long.parseLong(line.substring(word.length()));
      }
      others.append(line).append('\n');
    }
    throw new AssertionError(hint + ": the child ended:\n" + others);
  }

  /** Spins, because a sleep is too coarse to hit the middle of a write. */
  private static void busy(int nanos) {
    long end = System.nanoTime() + nanos;
    while (System.nanoTime() < end) {
      Thread.onSpinWait();
    }
  }
}
