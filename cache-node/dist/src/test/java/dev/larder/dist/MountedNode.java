package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.Control.Mount;
import dev.larder.client.Control.MountRequest;
import dev.larder.client.LarderClient;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * A node in a process of its own, a dataset "data" of files in a folder, and a kernel mount of it.
 * {@link #close} takes all of it away. One thread.
 */
final class MountedNode implements AutoCloseable {
  static final String MODEL = "large/model.bin";
  static final String OTHER = "large/other.bin";
  static final String READY = "large/ready.bin";

  private static final long AWAIT_SECONDS = 60;

  final Map<String, byte[]> files = new TreeMap<>();
  final Path directory;
  final Path source;
  final Path target;
  private NodeProcess node;

  private MountedNode(Path directory) throws IOException {
    this.directory = directory;
    source = Files.createDirectories(directory.resolve("source"));
    target = Files.createDirectory(directory.resolve("target"));
  }

  /** A node that has no dataset yet. */
  static MountedNode startEmpty(Path directory, String... settings) throws Exception {
    MountedNode mounted = new MountedNode(directory);
    mounted.launch(settings);
    return mounted;
  }

  private void launch(String... settings) throws Exception {
    List<String> all = new ArrayList<>(List.of(settings));
    if (all.stream().noneMatch(setting -> setting.startsWith("mount.remount-interval="))) {
      all.add("mount.remount-interval=200ms");
    }
    node = NodeProcess.start(directory.resolve("node"), all.toArray(String[]::new));
  }

  /** Three large files and forty small ones, mounted. */
  static MountedNode start(Path directory, String... settings) throws Exception {
    MountedNode mounted = new MountedNode(directory);
    Random random = new Random(11);
    mounted.add(random, MODEL, (40 << 20) + 4321);
    mounted.add(random, OTHER, 12 << 20);
    mounted.add(random, READY, 1 << 20);
    for (int i = 0; i < 40; i++) {
      mounted.add(random, "many/%03d".formatted(i), 500 + i);
    }
    mounted.launch(settings);
    mounted.create(mounted.source.toUri().toString(), Map.of());
    mounted.mount(false);
    return mounted;
  }

  /** Defines the dataset. */
  void create(String uri, Map<String, String> options) throws Exception {
    try (LarderClient client = node.connect()) {
      client.control().create("data", uri, options, (o, b) -> {});
    }
  }

  NodeProcess node() {
    return node;
  }

  void add(Random random, String path, int size) throws IOException {
    byte[] content = new byte[size];
    random.nextBytes(content);
    files.put(path, content);
    Path file = source.resolve(path);
    Files.createDirectories(file.getParent());
    Files.write(file, content);
  }

  void mount(boolean follow) throws Exception {
    try (LarderClient client = node.connect()) {
      client
          .control()
          .mount(new MountRequest("data", target.toString(), follow, false, false, "kernel"));
    }
  }

  Mount mount() throws Exception {
    try (LarderClient client = node.connect()) {
      return client.control().mounts().getFirst();
    }
  }

  /** Unmounts in a mode, and checks that nothing of the target is left. */
  void unmount(String mode) throws Exception {
    try (LarderClient client = node.connect()) {
      client.control().unmount(target.toString(), mode);
      assertEquals(0, client.control().mounts().size());
    }
    assertEquals(List.of(), mounts(target));
  }

  /** Unmounts a healthy mount that nobody uses; no mount of a view and no loop device stays. */
  void unmountCleanly() throws Exception {
    assertEquals("mounted", mount().state());
    unmount("plain");
    awaitNothingLeft();
  }

  /** Waits until neither views nor their loop devices are there any more. */
  void awaitNothingLeft() throws Exception {
    Path run = node.runDirectory();
    await(
        "no view is left",
        () -> mounts(run.resolve("mnt/s")).isEmpty() && mounts(run.resolve("mnt/c")).isEmpty());
    await("no loop device is left", () -> loops(directory).isEmpty());
  }

  /** Mount points at or below a path, as this process sees them. */
  static List<String> mounts(Path below) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
        .map(line -> line.split(" ")[4])
        .filter(point -> point.equals(below.toString()) || point.startsWith(below + "/"))
        .toList();
  }

  /** Files below a directory that loop devices show. */
  static List<String> loops(Path below) throws IOException {
    List<String> found = new ArrayList<>();
    try (Stream<Path> devices = Files.list(Path.of("/sys/block"))) {
      for (Path device :
          devices.filter(d -> d.getFileName().toString().startsWith("loop")).toList()) {
        Path file = device.resolve("loop/backing_file");
        try {
          String name = Files.readString(file).strip();
          if (name.startsWith(below.toString())) {
            found.add(name);
          }
        } catch (IOException e) {
          // Not in use, or no longer.
          continue;
        }
      }
    }
    return found;
  }

  /** Reads a file and waits until the kernel reads it by itself. */
  void complete(String path) throws Exception {
    assertArrayEquals(files.get(path), Files.readAllBytes(target.resolve(path)));
    try (LarderClient client = node.connect()) {
      await(
          path + " is sealed",
          () -> client.control().statJson("data", path).replace(" ", "").contains("\"sealed\""));
    }
    await("the kernel reads " + path + " by itself", () -> isReadWithoutAgent(path));
  }

  /**
   * Whether opening and reading a file asks the agent nothing. Open for a moment only: while a file
   * is open, the overlay goes on with what it has.
   */
  boolean isReadWithoutAgent(String path) throws Exception {
    double before = node.metric("larder_fuse_opens_total");
    try (InputStream in = Files.newInputStream(target.resolve(path))) {
      assertEquals(files.get(path)[0] & 0xff, in.read());
    }
    return node.metric("larder_fuse_opens_total") == before;
  }

  /** Compares every file. */
  void compare() throws IOException {
    compareOthers("");
  }

  /** Compares every file but one. */
  void compareOthers(String path) throws IOException {
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      if (!file.getKey().equals(path)) {
        byte[] seen = Files.readAllBytes(target.resolve(file.getKey()));
        assertArrayEquals(file.getValue(), seen, file.getKey());
      }
    }
  }

  /** A process that reads a file of the mount to its end. */
  Process reader(String path) throws IOException {
    return new ProcessBuilder("cat", target.resolve(path).toString())
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  /** Whether a process waits for an answer of the FUSE server or for a page it reads. */
  static boolean isStuck(long pid) throws IOException {
    String place = Files.readString(Path.of("/proc", Long.toString(pid), "wchan"));
    return place.contains("request_wait_answer") || place.contains("folio_wait");
  }

  /** Runs a command that must end in time; returns its exit status. */
  static int run(long secondsMax, String... command) throws Exception {
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!process.waitFor(secondsMax, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("no end within " + secondsMax + " s: " + List.of(command));
    }
    return process.exitValue();
  }

  void await(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(AWAIT_SECONDS);
    while (!condition.call()) {
      assertTrue(System.nanoTime() < deadline, () -> what + ": " + log());
      LockSupport.parkNanos(10_000_000);
    }
  }

  private String log() {
    try {
      return node.log();
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() throws Exception {
    node.close();
  }
}
