package dev.larder.dist;

import dev.larder.client.LarderClient;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * {@code larder dev} in a process of its own in a folder of a test's directory, so that it can be
 * killed. {@link #close} also takes every mount below the test's directory away and ends the
 * keeper. One thread.
 */
final class NodeProcess implements AutoCloseable {
  private static final Duration START_DEADLINE = Duration.ofSeconds(60);

  private final Path directory;
  private final List<String> settings;
  private String classPath = System.getProperty("java.class.path");
  private List<String> options = List.of();
  private @Nullable Process process;

  private NodeProcess(Path directory, List<String> settings) {
    this.directory = directory;
    this.settings = settings;
  }

  /** Starts a node; settings are {@code key=value}. */
  static NodeProcess start(Path directory, String... settings) throws Exception {
    NodeProcess node = new NodeProcess(directory, List.of(settings));
    node.startAgain();
    return node;
  }

  /** Starts it, after a kill for example, and waits until it answers. */
  void startAgain() throws Exception {
    launch(List.of());
    awaitReady();
  }

  /**
   * Starts another agent over the same directories, which waits for this one's end, as an upgrade
   * does. Close both.
   */
  NodeProcess launchBeside(Path standbyFile) throws Exception {
    NodeProcess next = new NodeProcess(directory, settings);
    next.options = List.of("--standby-file", standbyFile.toString());
    next.launch(List.of());
    return next;
  }

  /** Starts it and returns at once; {@code before} is a command that executes the rest. */
  void launch(List<String> before) throws Exception {
    // RocksDB unpacks its library here; a killed process does not delete it.
    Path temporary = Files.createDirectories(directory.resolve("tmp"));
    Path ready = directory.resolve("ready.json");
    Files.deleteIfExists(ready);
    List<String> command = new ArrayList<>(before);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx192m",
            "-ea",
            "-Djava.io.tmpdir=" + temporary,
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            classPath,
            "dev.larder.dist.Main",
            "dev",
            "--data",
            directory.resolve("data").toString(),
            "--run-dir",
            runDirectory().toString(),
            "--port",
            "0",
            "--ready-file",
            ready.toString(),
            // A test does not depend on how full the machine's disk is.
            "-c",
            "store.disk-min-free=0"));
    command.addAll(options);
    for (String setting : settings) {
      command.add("-c");
      command.add(setting);
    }
    Process started =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(
                ProcessBuilder.Redirect.appendTo(directory.resolve("agent.log").toFile()))
            .start();
    process = started;
  }

  /** Has the next start take another build. */
  void build(String newClassPath) {
    classPath = newClassPath;
  }

  /** Waits until it answers. */
  void awaitReady() throws Exception {
    Process started = running();
    Path ready = directory.resolve("ready.json");
    long deadline = System.nanoTime() + START_DEADLINE.toNanos();
    while (!Files.exists(ready)) {
      if (!started.isAlive() || System.nanoTime() - deadline > 0) {
        throw new AssertionError("the node did not start: " + log());
      }
      LockSupport.parkNanos(10_000_000);
    }
  }

  Path runDirectory() {
    return directory.resolve("run");
  }

  long pid() {
    return running().pid();
  }

  /** Waits for its end; answers its exit status, -1 where it did not come and had to be killed. */
  int awaitEnd() throws InterruptedException {
    if (running().waitFor(START_DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
      return running().exitValue();
    }
    kill();
    return -1;
  }

  boolean isAlive() {
    return running().isAlive();
  }

  /** What {@code /metrics} says of one figure without labels. */
  double metric(String name) throws Exception {
    return metrics()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no figure " + name));
  }

  private String metrics() throws Exception {
    return get("/metrics").body();
  }

  /** Asks the front door, with the token. */
  HttpResponse<String> get(String path) throws Exception {
    String token = Files.readString(runDirectory().resolve("token")).strip();
    String info = Files.readString(directory.resolve("ready.json"));
    String address = info.replaceFirst(".*\"address\":\"([^\"]+)\".*", "$1").strip();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://" + address + path))
            .header("Authorization", "Bearer " + token)
            .build();
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(request, HttpResponse.BodyHandlers.ofString());
    }
  }

  LarderClient connect() {
    return LarderClient.builder().agentFile(directory.resolve("ready.json")).build();
  }

  /** As {@code kill -9}. */
  void kill() throws InterruptedException {
    running().destroyForcibly().waitFor();
  }

  void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid())).inheritIO().start().waitFor();
  }

  /** Process number of the keeper; -1 when none runs. */
  long keeperPid() {
    String run = runDirectory().toString();
    return ProcessHandle.allProcesses()
        .filter(each ->
            commandLine(each).contains("dev.larder.keeper.KeeperMain")
                && commandLine(each).contains(run))
        .mapToLong(ProcessHandle::pid)
        .findAny()
        .orElse(-1);
  }

  private static String commandLine(ProcessHandle process) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
    } catch (IOException e) {
      // It ended meanwhile.
      return "";
    }
  }

  /** Kills the keeper and waits until it is gone. */
  void killKeeper() {
    ProcessHandle keeper = ProcessHandle.of(keeperPid()).orElseThrow();
    keeper.destroyForcibly();
    keeper.onExit().orTimeout(10, TimeUnit.SECONDS).join();
  }

  String log() throws IOException {
    Path keeper = runDirectory().resolve("keeper.log");
    return Files.readString(directory.resolve("agent.log"))
        + (Files.exists(keeper) ? "\nkeeper:\n" + Files.readString(keeper) : "");
  }

  private Process running() {
    Process now = process;
    if (now == null) {
      throw new IllegalStateException("the node was not started");
    }
    return now;
  }

  @Override
  public void close() throws Exception {
    Process last = process;
    if (last != null && last.isAlive()) {
      signal("CONT");
      last.destroyForcibly().waitFor();
    }
    long keeper = keeperPid();
    if (keeper > 0) {
      ProcessHandle.of(keeper).ifPresent(ProcessHandle::destroyForcibly);
    }
    // From the last to the first, as they lie on each other.
    String all = Files.readString(Path.of("/proc/self/mountinfo"));
    List<String> targets =
        all.lines()
            .map(line -> line.split(" ")[4])
            .filter(target -> target.startsWith(String.valueOf(directory.getParent())))
            .toList();
    for (String target : targets.reversed()) {
      new ProcessBuilder("umount", "-l", target).inheritIO().start().waitFor();
    }
  }
}
