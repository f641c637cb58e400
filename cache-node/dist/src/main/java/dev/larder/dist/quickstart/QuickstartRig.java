package dev.larder.dist.quickstart;

import dev.larder.client.LarderClient;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What every quickstart stands on: a directory to work in, a real S3 server with a bucket, and an
 * agent in a process of its own that can be killed and started again.
 *
 * <p>One thread. {@link #close} ends the processes; the directory goes when the JVM ends, unless it
 * is to be kept.
 */
final class QuickstartRig implements AutoCloseable {
  private static final Duration START_DEADLINE = Duration.ofSeconds(60);

  private final QuickstartOptions options;
  private final PrintStream err;
  private final Path home;
  private final Path work;
  private final List<Runnable> beforeClean = new ArrayList<>();
  private @Nullable S3Process s3;
  private @Nullable ChildProcess agent;
  private @Nullable Fleet fleet;

  private QuickstartRig(QuickstartOptions options, PrintStream err) throws IOException {
    this.options = options;
    this.err = err;
    this.home = distribution();
    this.work = workDirectory(options.directory);
    Runtime.getRuntime().addShutdownHook(new Thread(this::clean));
  }

  static QuickstartRig open(QuickstartOptions options, PrintStream err) throws IOException {
    return new QuickstartRig(options, err);
  }

  Path work() {
    return work;
  }

  /** The distribution. */
  Path home() {
    return home;
  }

  /** The folder that is the bucket. */
  Path bucket() {
    return S3Process.bucket(work.resolve("s3"));
  }

  /** Starts the S3 server over what was put into {@link #bucket}. */
  S3Process startS3() throws InterruptedException {
    return startS3("127.0.0.1", words -> words);
  }

  /**
   * Starts it at an address.
   *
   * @param where the words of a command that runs one where that address is
   */
  S3Process startS3(String address, UnaryOperator<List<String>> where) throws InterruptedException {
    int objects = S3Process.addEtags(bucket());
    S3Process started = S3Process.start(home, work.resolve("s3"), address, where);
    s3 = started;
    say(
        "an S3 server has %d objects in s3://%s at %s",
        objects, S3Process.BUCKET, started.endpoint());
    return started;
  }

  /** Ends the S3 server, where there is one; the bucket stays. */
  void endS3() {
    S3Process running = s3;
    if (running != null) {
      running.close();
      s3 = null;
    }
  }

  /** Whether this process ends, as by a Ctrl-C; nothing is to be begun then. */
  boolean isEnding() {
    Thread unused = new Thread(() -> {});
    try {
      Runtime.getRuntime().addShutdownHook(unused);
      return !Runtime.getRuntime().removeShutdownHook(unused);
    } catch (IllegalStateException e) {
      return true;
    }
  }

  /** Options of a dataset in the bucket. */
  Map<String, String> datasetOptions() {
    return Map.of("endpoint", s3().endpoint(), "region", S3Process.REGION, "path-style", "true");
  }

  /**
   * Starts {@code larder dev} and waits until it answers.
   *
   * @param settings of its configuration, {@code key=value}
   */
  void startAgent(String... settings) throws InterruptedException, IOException {
    Files.deleteIfExists(readyFile());
    List<String> words =
        command(
            "dev",
            "--data",
            work.resolve("data").toString(),
            "--run-dir",
            runDirectory().toString(),
            "--port",
            "0",
            "--ready-file",
            readyFile().toString());
    for (String setting : settings) {
      words.addAll(List.of("-c", setting));
    }
    ChildProcess started =
        ChildProcess.start("larder dev", words, s3().environment(), work.resolve("agent.log"));
    agent = started;
    started.awaitFile(readyFile(), START_DEADLINE);
  }

  /** Starts a coordinator and agents of a cluster and waits until they answer. */
  Fleet startFleet(int nodes) throws InterruptedException, IOException {
    Fleet started = new Fleet(this::command, work, s3().environment());
    fleet = started;
    started.start(nodes);
    return started;
  }

  /** Kills the agent as {@code kill -9} does. */
  void killAgent() throws InterruptedException {
    agent().kill();
  }

  /** Kills the agent, where there is one, for good. */
  void endAgent() {
    ChildProcess running = agent;
    if (running != null) {
      running.close();
    }
  }

  Path runDirectory() {
    return work.resolve("run");
  }

  long agentPid() {
    return agent().pid();
  }

  /** Runs a command of this distribution against the agent and answers its output. */
  String larder(String... arguments) throws InterruptedException, IOException {
    List<String> command = new ArrayList<>(command(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LARDER_AGENT", readyFile().toString());
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes());
    if (process.waitFor() != 0) {
      throw new LarderException(
          ErrorCode.INTERNAL,
          "larder " + String.join(" ", arguments) + " failed: " + output.strip());
    }
    return output;
  }

  LarderClient connect() {
    return LarderClient.builder().agentFile(readyFile()).build();
  }

  Path readyFile() {
    return work.resolve("ready.json");
  }

  /** Something to do before the directory is removed, whatever happened. */
  void beforeClean(Runnable action) {
    synchronized (beforeClean) {
      beforeClean.add(action);
    }
  }

  void say(String format, Object... values) {
    err.println("quickstart: " + String.format(Locale.ROOT, format, values));
  }

  /** Leaves everything running until Ctrl-C. */
  void stay(String... hints) throws InterruptedException {
    Fleet running = fleet;
    List<String> lines = new ArrayList<>();
    lines.add("export LARDER_AGENT=" + (running == null ? readyFile() : running.readyFile(1)));
    lines.addAll(Arrays.asList(hints));
    stayWith(lines);
  }

  /** Shows what somebody else said, as it is. */
  void show(String text) {
    err.println(text);
  }

  /** Leaves everything running until Ctrl-C; the hints are all that is said of how to use it. */
  void stayWith(List<String> hints) throws InterruptedException {
    err.println();
    err.println("All processes go on, the S3 server at " + s3().endpoint() + ". In another shell:");
    hints.forEach(hint -> err.println("  " + hint));
    err.println("Ctrl-C ends them" + (options.keep ? "." : " and removes " + work + "."));
    new CountDownLatch(1).await();
  }

  S3Process s3() {
    S3Process running = s3;
    if (running == null) {
      throw new IllegalStateException("the S3 server was not started");
    }
    return running;
  }

  private ChildProcess agent() {
    ChildProcess running = agent;
    if (running == null) {
      throw new IllegalStateException("the agent was not started");
    }
    return running;
  }

  private List<String> command(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(home.resolve("bin").resolve("larder").toString());
    command.addAll(List.of(arguments));
    return command;
  }

  @Override
  public void close() {
    runBeforeClean();
    if (agent != null) {
      agent.close();
    }
    if (fleet != null) {
      fleet.close();
    }
    if (s3 != null) {
      s3.close();
    }
  }

  private void runBeforeClean() {
    List<Runnable> actions;
    synchronized (beforeClean) {
      actions = List.copyOf(beforeClean);
      beforeClean.clear();
    }
    actions.forEach(Runnable::run);
  }

  private void clean() {
    runBeforeClean();
    // Children first: they would write into what is being removed.
    ProcessHandle.current().children().forEach(ProcessHandle::destroyForcibly);
    if (options.keep) {
      return;
    }
    try (Stream<Path> tree = Files.walk(work)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException | UncheckedIOException e) {
      err.println("larder: could not remove " + work + ": " + e);
    }
  }

  private static Path distribution() {
    String home = System.getProperty("larder.home");
    if (home == null) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "quickstart runs from the distribution: ./larder quickstart");
    }
    return Path.of(home);
  }

  private static Path workDirectory(@Nullable Path directory) throws IOException {
    if (directory == null) {
      return Files.createTempDirectory("larder-quickstart-");
    }
    boolean isEmpty;
    try {
      Files.createDirectories(directory);
      try (Stream<Path> content = Files.list(directory)) {
        isEmpty = content.findAny().isEmpty();
      }
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.BAD_REQUEST,
          "--dir " + directory + " cannot be a directory to work in: " + e,
          e);
    }
    if (!isEmpty) {
      throw new LarderException(
          ErrorCode.ALREADY_EXISTS, "--dir " + directory + " is not empty; name another one");
    }
    return directory.toAbsolutePath();
  }
}
