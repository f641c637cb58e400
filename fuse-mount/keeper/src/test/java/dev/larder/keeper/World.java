package dev.larder.keeper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.erofs.CatalogEntry;
import dev.larder.erofs.CatalogOptions;
import dev.larder.erofs.CatalogWriter;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountTable;
import dev.larder.linux.Unmount;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.testkit.Needs;
import dev.larder.testkit.Reaper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A run directory, a store's folder, a keeper and an agent, each a process that is killed at the
 * end; nothing mounted stays.
 */
final class World implements AutoCloseable {
  final Path root;
  final Path run;

  /** The store's folder of sealed files. */
  final Path blobs;

  /** What the agent serves. */
  final Path remote;

  private final Reaper reaper;
  private final List<Process> processes = new ArrayList<>();
  private final List<String> settings = new ArrayList<>();
  private int images;
  private Process keeper;
  private Agent agent;

  World(String... settings) throws IOException {
    Needs.root();
    root = Files.createTempDirectory("keeper, ").toRealPath();
    reaper = new Reaper(root);
    run = Files.createDirectories(root.resolve("run"));
    blobs = Files.createDirectories(root.resolve("data").resolve("blobs"));
    remote = Files.createDirectories(root.resolve("remote"));
    this.settings.addAll(List.of(settings));
  }

  /** A process of AgentMain. */
  static final class Agent {
    final Process process;
    private final BufferedReader output;
    private final Writer input;

    Agent(Process process) {
      this.process = process;
      output = process.inputReader(StandardCharsets.UTF_8);
      input = process.outputWriter(StandardCharsets.UTF_8);
    }

    void awaitReady() throws IOException {
      assertEquals("ready", output.readLine());
    }

    /** Gives an order; returns the answer, {@code ok ...} or {@code fault ...}. */
    String tell(Object... words) throws IOException {
      List<String> texts = new ArrayList<>();
      for (Object word : words) {
        texts.add(word.toString());
      }
      input.write(String.join("\t", texts) + "\n");
      input.flush();
      return String.valueOf(output.readLine());
    }

    /** Gives an order that must be done; returns what came back. */
    String ask(Object... words) throws IOException {
      String said = tell(words);
      assertTrue(said.startsWith("ok "), () -> List.of(words) + " was answered " + said);
      return said.substring(3);
    }

    void kill() throws InterruptedException {
      process.destroyForcibly();
      int unused = process.waitFor();
    }
  }

  KeeperConfig config(String... more) {
    List<String> arguments = new ArrayList<>(settings);
    arguments.add("keeper.run-directory=" + run);
    arguments.add("mount.slots=64");
    arguments.addAll(List.of(more));
    if (arguments.stream().noneMatch(a -> a.startsWith("mount.rows-max="))) {
      arguments.add("mount.rows-max=4096");
    }
    return KeeperConfig.parse(arguments);
  }

  /** Starts a keeper and waits until it listens. */
  Process startKeeper(String... more) throws Exception {
    Process started = watch(launcher().start(config(more)));
    keeper = started;
    awaitKeeper(started);
    return started;
  }

  static KeeperProcess launcher() {
    return KeeperProcess.ofThis(Path.of("/nonexistent/archive"));
  }

  void awaitKeeper(Process process) throws Exception {
    String line = "listens at " + run.resolve("keeper.sock") + ", process " + process.pid();
    Waiting.until(
        "keeper listens",
        () -> {
          assertTrue(process.isAlive(), () -> "the keeper ended: " + log());
          return log().lines().anyMatch(l -> l.endsWith(line));
        });
  }

  Process keeper() {
    return keeper;
  }

  void killKeeper() throws InterruptedException {
    keeper.destroyForcibly();
    int unused = keeper.waitFor();
  }

  Agent agent() {
    return agent;
  }

  /** Starts an agent and waits until it serves. */
  Agent startAgent() throws IOException {
    Agent started = launchAgent();
    started.awaitReady();
    agent = started;
    return started;
  }

  /** Starts an agent and does not wait. */
  Agent launchAgent() throws IOException {
    return new Agent(
        java(
            AgentMain.class,
            List.of("-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            run.toString(),
            remote.toString()));
  }

  Process java(Class<?> main, List<String> flags, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.add("-ea");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(flags);
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main.getName());
    command.addAll(List.of(arguments));
    return watch(
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.appendTo(root.resolve("stderr").toFile()))
            .start());
  }

  Process watch(Process process) throws IOException {
    processes.add(process);
    reaper.watch(process.pid());
    return process;
  }

  String log() {
    try {
      Path log = run.resolve("keeper.log");
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      return e.toString();
    }
  }

  Path directory(String name) throws IOException {
    return Files.createDirectories(root.resolve(name));
  }

  /** Writes a catalog of these files. */
  Path image(Map<String, byte[]> files) throws Exception {
    Path image = root.resolve("image" + images++);
    try (CatalogWriter writer = new CatalogWriter(CatalogOptions.DEFAULT, root)) {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        byte[] bytes = file.getValue();
        writer.add(
            CatalogEntry.file(
                file.getKey(), bytes.length, Instant.ofEpochSecond(1_000_000), key(bytes), "v"));
      }
      assertEquals(0, writer.finish(image).skippedTotal());
    }
    return image;
  }

  /** Makes a view of these files by the agent; returns its id. */
  String view(Map<String, byte[]> files) throws Exception {
    Path image = image(files);
    String id = key(Files.readAllBytes(image)).digest().hex().substring(0, 32);
    agent.ask("catalog", id, image);
    agent.ask("overlay", id, "larder:set@" + images, blobs);
    return id;
  }

  static void store(Path folder, Map<String, byte[]> files) throws Exception {
    for (byte[] bytes : files.values()) {
      Path blob = folder.resolve(key(bytes).diskName());
      Files.createDirectories(blob.getParent());
      Files.write(blob, bytes);
    }
  }

  static BlobKey key(byte[] bytes) throws Exception {
    return BlobKey.sha256(Digest.of(MessageDigest.getInstance("SHA-256").digest(bytes)));
  }

  static Map<String, byte[]> files(long seed, String prefix, int count, int sizeMax) {
    Random random = new Random(seed);
    Map<String, byte[]> files = new TreeMap<>();
    for (int i = 0; i < count; i++) {
      byte[] bytes = new byte[1 + random.nextInt(sizeMax)];
      random.nextBytes(bytes);
      files.put(prefix + i % 5 + "/file " + i, bytes);
    }
    return files;
  }

  List<MountEntry> mounts() throws IOException {
    return MountTable.read().below(root);
  }

  /** Mounts below a directory of the test. */
  List<MountEntry> mounts(Path place) throws IOException {
    return MountTable.read().below(place);
  }

  List<String> loops() throws IOException {
    List<String> found = new ArrayList<>();
    try (Stream<Path> devices = Files.list(Path.of("/sys/block"))) {
      for (Path device : (Iterable<Path>) devices::iterator) {
        Path backing = device.resolve("loop/backing_file");
        if (Files.exists(backing) && Files.readString(backing).startsWith(root.toString())) {
          found.add(device.toString());
        }
      }
    }
    return found;
  }

  @Override
  public void close() throws Exception {
    try {
      for (Process process : processes.reversed()) {
        process.destroyForcibly();
        int unused = process.waitFor();
      }
      for (int round = 0; round < 8; round++) {
        for (MountEntry entry : mounts().reversed()) {
          try {
            Unmount.lazily(Path.of(entry.mountPoint()));
          } catch (LinuxException e) {
            // It went with the one above it.
          }
        }
      }
    } finally {
      reaper.close();
    }
    assertEquals(List.of(), mounts());
    Waiting.until("loop devices are gone", () -> loops().isEmpty());
    List<Path> all;
    try (Stream<Path> walk = Files.walk(root)) {
      all = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : all) {
      Files.delete(path);
    }
  }
}
