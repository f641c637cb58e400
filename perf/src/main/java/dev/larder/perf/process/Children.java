package dev.larder.perf.process;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Starts processes and sees to it that none outlives the harness. Any thread. */
public final class Children implements AutoCloseable {
  private final ConcurrentLinkedQueue<ChildProcess> started = new ConcurrentLinkedQueue<>();
  private final Path logs;

  /**
   * @param logs directory for the standard errors of the processes
   */
  public Children(Path logs) {
    this.logs = logs;
  }

  /** Starts a program whose standard input is empty. */
  public ChildProcess start(String name, List<String> command, Map<String, String> environment)
      throws IOException {
    return start(name, command, environment, Redirect.from(new File("/dev/null")));
  }

  private ChildProcess start(
      String name, List<String> command, Map<String, String> environment, Redirect input)
      throws IOException {
    Files.createDirectories(logs);
    Path log = logs.resolve(name + ".err");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectInput(input).redirectError(log.toFile());
    builder.environment().putAll(environment);
    ChildProcess child = new ChildProcess(name, builder.start(), log);
    started.add(child);
    return child;
  }

  /** Starts a main class of the harness's own class path in a JVM of its own. */
  public ChildProcess java(
      String name, List<String> jvmOptions, Class<?> main, List<String> arguments)
      throws IOException {
    return java(name, List.of(), jvmOptions, main, arguments);
  }

  /** The same behind other words, which say where it runs. */
  public ChildProcess java(
      String name,
      List<String> prefix,
      List<String> jvmOptions,
      Class<?> main,
      List<String> arguments)
      throws IOException {
    return java(name, prefix, jvmOptions, main, arguments, Redirect.from(new File("/dev/null")));
  }

  /** The same, in a process that is told what to do ({@link ChildProcess#tell}). */
  public ChildProcess javaToTell(
      String name, List<String> jvmOptions, Class<?> main, List<String> arguments)
      throws IOException {
    return java(name, List.of(), jvmOptions, main, arguments, Redirect.PIPE);
  }

  private ChildProcess java(
      String name,
      List<String> prefix,
      List<String> jvmOptions,
      Class<?> main,
      List<String> arguments,
      Redirect input)
      throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.addAll(jvmOptions);
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main.getName());
    command.addAll(arguments);
    // As bin/larder starts an agent: without it glibc keeps freed memory for every thread.
    return start(name, command, Map.of("MALLOC_ARENA_MAX", "2"), input);
  }

  /** Kills what still runs and waits for its end. */
  @Override
  public void close() {
    for (ChildProcess child : started) {
      child.destroyNow();
    }
    started.clear();
  }
}
