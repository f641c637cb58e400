package dev.larder.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.dist.kube.KubeNode;
import dev.larder.dist.kube.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code larder quickstart pods} of the distribution as a user runs it, and what it has to say and
 * to leave. One thread; {@link #close} ends it where it still runs.
 */
final class QuickstartPods implements AutoCloseable {
  private static final Duration CLEAN_LIMIT = Duration.ofMinutes(2);
  private static final String PHASE =
      "\\{\"name\":\"%s\",\"podReadySeconds\":([0-9.]+),\"firstByteSeconds\":([0-9.]+),"
          + "\"originBytes\":([0-9]+)\\}";
  private static final String RESULT =
      "\\{\"kubelet\":\"%s\",\"files\":([0-9]+),\"bytes\":([0-9]+),\"mismatches\":0,"
          + "\"readerErrors\":0,\"phases\":\\["
          + String.join(
              ",", PHASE.formatted("cold"), PHASE.formatted("warm"), PHASE.formatted("killed"))
          + "\\]\\}\n";

  /** Where it says that the node's folder is. */
  private static final Pattern NODE = Pattern.compile("a Kubernetes of one node in (/\\S+),");

  private final Path directory;
  private final Path work;
  private final String kubelet;
  private final Duration limit;
  private final Process process;

  private QuickstartPods(
      Path directory, String kubelet, Duration limit, Map<String, String> environment)
      throws IOException {
    this.directory = directory;
    this.work = directory.resolve("work");
    this.kubelet = kubelet;
    this.limit = limit;
    ProcessBuilder builder =
        new ProcessBuilder(
                "setsid",
                KubernetesTest.home().resolve("bin/larder").toString(),
                "quickstart",
                "pods",
                "--kubelet",
                kubelet,
                "--bytes",
                "32MiB",
                "--exit",
                "--json",
                "--dir",
                work.toString())
            .redirectOutput(directory.resolve("out").toFile())
            .redirectError(directory.resolve("err").toFile());
    builder.environment().putAll(environment);
    process = builder.start();
  }

  /**
   * Starts it.
   *
   * @param kubelet real or fake
   * @param limit for all that it does
   */
  static QuickstartPods start(Path directory, String kubelet, Duration limit) throws IOException {
    return new QuickstartPods(directory, kubelet, limit, Map.of());
  }

  /**
   * Starts it in an environment of its own.
   *
   * @param kubelet auto or real
   */
  static QuickstartPods start(
      Path directory, String kubelet, Duration limit, Map<String, String> environment)
      throws IOException {
    return new QuickstartPods(directory, kubelet, limit, environment);
  }

  /** Waits for its end, and checks the line of JSON and that nothing stays. */
  void assertGood() throws Exception {
    assertGood(kubelet);
  }

  /** The same where it chooses the kubelet itself. */
  void assertGood(String chosen) throws Exception {
    assertTrue(process.waitFor(limit.toSeconds(), TimeUnit.SECONDS), this::said);
    assertEquals(0, process.exitValue(), this::said);
    Matcher result =
        Pattern.compile(RESULT.formatted(chosen))
            .matcher(Files.readString(directory.resolve("out")));
    assertTrue(result.matches(), this::said);
    System.out.print(result.group());
    long bytes = Long.parseLong(result.group(2));
    assertTrue(Long.parseLong(result.group(1)) > 100 && bytes >= 32 << 20, this::said);
    assertTrue(
        Long.parseLong(result.group(5)) >= bytes, () -> "cold, by the server's log: " + said());
    assertEquals("0", result.group(8), () -> "warm, by the server's log: " + said());
    assertTrue(Long.parseLong(result.group(11)) > 0, () -> "incomplete files were read: " + said());
    assertClean();
  }

  /** Waits until it said something. */
  void awaitSaid(String word) {
    awaitRunning("\"" + word + "\" is said", () -> said().contains(word));
  }

  /** Waits until there is a file in the folder of its node. */
  void awaitFile(String name) {
    awaitRunning(name, () -> Files.exists(node().resolve(name)));
  }

  private void awaitRunning(String what, BooleanSupplier holds) {
    Shell.await(what, limit, () -> holds.getAsBoolean() || !process.isAlive());
    assertTrue(process.isAlive(), this::said);
  }

  /** Waits for its end with an error, and checks that nothing stays. */
  void assertFailed() throws Exception {
    assertTrue(process.waitFor(limit.toSeconds(), TimeUnit.SECONDS), this::said);
    assertNotEquals(0, process.exitValue(), this::said);
    assertClean();
  }

  /** Sends it what a terminal sends at Ctrl-C, and checks that nothing stays. */
  void assertCtrlCLeavesNothing() throws Exception {
    // To all of them at once.
    String unused = Shell.must(CLEAN_LIMIT, List.of("kill", "-INT", "--", "-" + process.pid()));
    assertTrue(process.waitFor(CLEAN_LIMIT.toSeconds(), TimeUnit.SECONDS), this::said);
    assertEquals(130, process.exitValue(), this::said);
    assertClean();
  }

  /** Where a kubelet, real or fake, publishes volumes. */
  Path node() {
    Matcher node = NODE.matcher(said());
    return node.find() ? Path.of(node.group(1)) : work;
  }

  String said() {
    return String.join("\n", Shell.lines(directory.resolve("err")))
        + "\n"
        + String.join("\n", Shell.lines(directory.resolve("out")));
  }

  private void assertClean() throws IOException {
    Shell.await(
        "no process of it: " + KubeNode.processes(work.toString()),
        CLEAN_LIMIT,
        () -> KubeNode.processes(work.toString()).isEmpty());
    assertEquals(List.of(), KubeNode.leftovers(work));
    assertEquals(List.of(), KubeNode.leftovers(node()), this::said);
    assertFalse(Files.exists(work), "its files are gone");
  }

  @Override
  public void close() throws InterruptedException {
    if (process.isAlive()) {
      process.destroy();
      if (!process.waitFor(CLEAN_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    }
  }
}
