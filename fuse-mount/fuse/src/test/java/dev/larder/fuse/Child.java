package dev.larder.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A JVM of our own that is told what to do by lines, and ends when its input does. */
final class Child implements AutoCloseable {
  private final Process process;
  private final BufferedReader output;
  private final Writer input;

  Child(Class<?> main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.add("-ea");
    command.add("-Xmx128m");
    command.add("-XX:TieredStopAtLevel=1");
    command.add("-XX:+UseSerialGC");
    command.add("-Xshare:auto");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add(main.getName());
    command.addAll(List.of(arguments));
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    input = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
  }

  /** Waits for a line that begins so. */
  String await(String beginning) throws IOException {
    String line = output.readLine();
    if (line == null || !line.startsWith(beginning)) {
      throw new IOException("expected " + beginning + ", child said: " + line);
    }
    return line;
  }

  void tell(String line) throws IOException {
    input.write(line + "\n");
    input.flush();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** SIGKILL; returns when nothing of it runs any more. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    int unused = process.waitFor();
  }

  void awaitExit() throws InterruptedException {
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      kill();
      throw new AssertionError("the child did not end");
    }
    assertEquals(0, process.exitValue());
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }
}
