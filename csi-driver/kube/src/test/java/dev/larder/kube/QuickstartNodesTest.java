package dev.larder.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.kube.Shell;
import dev.larder.testkit.Needs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code larder quickstart --nodes 3} of the distribution as a user runs it. */
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class QuickstartNodesTest {
  private static final int NODES = 3;
  private static final Duration LIMIT = Duration.ofMinutes(12);
  private static final Duration CLEAN_LIMIT = Duration.ofMinutes(2);

  private static final Pattern RESULT =
      Pattern.compile(
          "\\{\"files\":(\\d+),\"bytes\":(\\d+),\"mismatches\":0,\"phases\":\\["
              + List.of("cold", "warm", "restarted").stream()
                  .map(name ->
                      "\\{\"name\":\""
                          + name
                          + "\",\"seconds\":[0-9.]+,\"bytes\":(\\d+),"
                          + "\"originBytes\":(\\d+),\"originRequests\":(\\d+)\\}")
                  .collect(Collectors.joining(","))
              + "\\],\"nodes\":\\["
              + LongStream.rangeClosed(1, NODES)
                  .mapToObj(node ->
                      "\\{\"name\":\"node-"
                          + node
                          + "\",\"local\":(\\d+),\"peer\":(\\d+),\"origin\":(\\d+)\\}")
                  .collect(Collectors.joining(","))
              + "\\]\\}\n");

  @TempDir Path directory;

  @Test
  void threeAgentsAsProcessesReadOneDatasetFromTheOriginOnce() throws Exception {
    Path home = KubernetesTest.home();
    Needs.that(Files.isDirectory(home), "no distribution; build cache-node/dist first");
    Path work = directory.resolve("work");
    Process quickstart =
        new ProcessBuilder(
                home.resolve("bin/larder").toString(),
                "quickstart",
                "--nodes",
                Integer.toString(NODES),
                "--exit",
                "--json",
                "--dir",
                work.toString())
            .redirectOutput(directory.resolve("out").toFile())
            .redirectError(directory.resolve("err").toFile())
            .start();
    try {
      assertTrue(quickstart.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS), this::said);
      assertEquals(0, quickstart.exitValue(), this::said);
    } finally {
      // Ends its children too: it closes them when it is asked to end.
      quickstart.destroy();
      assertTrue(quickstart.waitFor(CLEAN_LIMIT.toSeconds(), TimeUnit.SECONDS), this::said);
    }
    Matcher result = RESULT.matcher(Files.readString(directory.resolve("out")));
    assertTrue(result.matches(), this::said);
    System.out.print(result.group());
    long[] number =
        LongStream.rangeClosed(1, result.groupCount())
            .map(group -> Long.parseLong(result.group((int) group)))
            .toArray();
    long bytes = number[1];
    assertTrue(number[0] > 1000 && bytes > 500L << 20, this::said);
    for (int phase = 0; phase < 3; phase++) {
      assertEquals(NODES * bytes, number[2 + 3 * phase], this::said);
    }
    // By the server's log, of all nodes together.
    assertAboutOnce(bytes, number[3]);
    assertTrue(number[4] > 0, this::said);
    for (int later = 6; later <= 10; later += 3) {
      assertEquals(0, number[later], this::said);
      assertEquals(0, number[later + 1], this::said);
    }
    long fromOrigin = 0;
    for (int node = 0; node < NODES; node++) {
      long local = number[11 + 3 * node];
      long peer = number[12 + 3 * node];
      long origin = number[13 + 3 * node];
      // Once from elsewhere, and twice, over a kill -9 of the last one, from its own disk.
      assertAboutOnce(bytes, peer + origin);
      assertEquals(2 * bytes, local, this::said);
      fromOrigin += origin;
    }
    assertAboutOnce(bytes, fromOrigin);
    Shell.await(
        "no process of it: " + KubeNode.processes(work.toString()),
        CLEAN_LIMIT,
        () -> KubeNode.processes(work.toString()).isEmpty());
    assertFalse(Files.exists(work), "its files are gone");
  }

  /** A member that does not answer in time on a busy machine costs a small file or a block. */
  private void assertAboutOnce(long wanted, long bytes) {
    assertTrue(bytes >= wanted && bytes <= wanted * 1.01, this::said);
  }

  private String said() {
    return String.join("\n", Shell.lines(directory.resolve("err")))
        + "\n"
        + String.join("\n", Shell.lines(directory.resolve("out")));
  }
}
