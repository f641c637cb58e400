package dev.larder.origin;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Assertions;

/**
 * A JVM that runs {@link ChildRead} with an environment of the test's making and nothing of the
 * machine's: no home, no programs, and no way out but a proxy of the test's. One thread.
 */
final class Child implements AutoCloseable {
  private static final long SECONDS_MAX = 120;

  private final Process process;
  private final Path output;

  private Child(Process process, Path output) {
    this.process = process;
    this.output = output;
  }

  /**
   * Starts it.
   *
   * @param environment all of it, but what finding the test's directory takes
   */
  static Child start(
      Path work,
      Map<String, String> environment,
      Keys keys,
      URI proxy,
      String uri,
      OriginObject object,
      Map<String, String> options)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                "-Djavax.net.ssl.trustStore=" + keys.store(),
                "-Djavax.net.ssl.trustStorePassword=" + Keys.PASSWORD,
                "-Dlogback.configurationFile=" + Logged.SHIPPED.toAbsolutePath(),
                "-Dhttp.nonProxyHosts=127.0.0.1|localhost"));
    for (String scheme : List.of("http", "https")) {
      command.add("-D" + scheme + ".proxyHost=127.0.0.1");
      command.add("-D" + scheme + ".proxyPort=" + proxy.getPort());
    }
    command.addAll(
        List.of(
            ChildRead.class.getName(),
            uri,
            object.uri(),
            object.version(),
            Long.toString(object.sizeBytes())));
    options.forEach((key, value) -> command.add(key + "=" + value));
    Path output = Files.createTempFile(work, "child", ".txt");
    ProcessBuilder builder = new ProcessBuilder(command);
    Map<String, String> own = builder.environment();
    own.clear();
    own.put("HOME", work.toString());
    own.put("PATH", work.toString());
    own.put("LC_ALL", "C.UTF-8");
    own.put("LARDER_LOG", "DEBUG");
    own.put("AWS_EC2_METADATA_DISABLED", "true");
    own.putAll(environment);
    return new Child(
        builder.redirectErrorStream(true).redirectOutput(output.toFile()).start(), output);
  }

  /** Waits until something is so, while the child lives. */
  void await(BooleanSupplier sign) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
    while (!sign.getAsBoolean()) {
      Assertions.assertTrue(
          process.isAlive() && System.nanoTime() < end, () -> "waited in vain: " + read(output));
      LockSupport.parkNanos(5_000_000);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Interrupts the read at work. */
  void interrupt() throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
  }

  /** Waits for its end: all it printed, its log at DEBUG as the distribution sets it included. */
  String output() throws IOException, InterruptedException {
    Assertions.assertTrue(
        process.waitFor(SECONDS_MAX, TimeUnit.SECONDS), () -> "it hangs: " + read(output));
    String text = Files.readString(output, StandardCharsets.UTF_8);
    Assertions.assertTrue(text.contains(ChildRead.MARK), "nothing was logged: " + text);
    return text;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
