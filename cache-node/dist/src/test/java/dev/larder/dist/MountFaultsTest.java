package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.Control.Mount;
import dev.larder.client.Control.MountRequest;
import dev.larder.client.LarderClient;
import dev.larder.testkit.Needs;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes and disks that fail under readers of a kernel mount; bytes are always compared. */
class MountFaultsTest {
  private static final int KILLS = 20;
  private static final int KILLS_LONG = 200;
  private static final String MODEL = "large/model.bin";
  private static final String OTHER = "large/other.bin";

  @TempDir Path directory;

  private final Map<String, byte[]> files = new TreeMap<>();
  private Path target;
  private NodeProcess node;

  @BeforeEach
  void prepare() throws Exception {
    Needs.root();
    Random random = new Random(11);
    add(random, MODEL, (70 << 20) + 4321);
    add(random, OTHER, 20 << 20);
    for (int i = 0; i < 40; i++) {
      add(random, "many/%03d".formatted(i), 500 + i);
    }
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Path path = directory.resolve("source").resolve(file.getKey());
      Files.createDirectories(path.getParent());
      Files.write(path, file.getValue());
    }
    target = Files.createDirectory(directory.resolve("target"));
  }

  @AfterEach
  void stop() throws Exception {
    if (node != null) {
      node.close();
    }
  }

  @Test
  void killsInARowAreNoErrorForAnybody() throws Exception {
    killInARow(KILLS);
  }

  @Test
  @Tag("long")
  void killsInARowAreNoErrorForAnybodyLong() throws Exception {
    killInARow(KILLS_LONG);
  }

  /** The origin is slow, so that at every kill readers wait for bytes that are not here. */
  private void killInARow(int kills) throws Exception {
    mounted("origin.bandwidth-max=512KiB");
    try (MountReaders readers = MountReaders.start(target, files, 4)) {
      readers.holdOpen(MODEL);
      for (int kill = 0; kill < kills; kill++) {
        await("a read waits before kill " + kill, readers::isWaiting);
        long before = readers.waited();
        node.kill();
        node.launch(List.of());
        // Only the new agent can answer what waits.
        await("what waited is answered after kill " + kill, () -> readers.waited() > before);
      }
      node.awaitReady();
      readers.stop();
      assertEquals("", readers.failures());
    }
    unmounted();
  }

  @Test
  void anAgentStoppedForTenSecondsHoldsUpOnlyWhatIsNotComplete() throws Exception {
    mounted();
    completed(OTHER);
    try (FileChannel open = FileChannel.open(target.resolve(OTHER))) {
      node.signal("STOP");
      // Whatever happens below: a read that waits for the stopped agent must end some time.
      Thread rescue = Thread.ofPlatform().daemon().start(this::continueLater);
      long stopped = System.nanoTime();
      Process stuck = reader(MODEL);
      int reads = 0;
      while (System.nanoTime() - stopped < TimeUnit.SECONDS.toNanos(10)) {
        byte[] piece = new byte[4096];
        long at = (long) reads * 8192 % (files.get(OTHER).length - 4096);
        assertEquals(4096, open.read(ByteBuffer.wrap(piece), at));
        assertArrayEquals(Arrays.copyOfRange(files.get(OTHER), (int) at, (int) at + 4096), piece);
        assertArrayEquals(
            files.get(OTHER), Files.readAllBytes(target.resolve(OTHER)), "opened new");
        reads++;
      }
      assertTrue(reads > 10, "reads of a complete file: " + reads);
      assertTrue(stuck.isAlive(), "the file that is not complete waits");
      rescue.interrupt();
      node.signal("CONT");
      assertTrue(stuck.waitFor(30, TimeUnit.SECONDS), "it goes on");
      assertEquals(0, stuck.exitValue());
    }
    compare();
    unmounted();
  }

  private void continueLater() {
    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(25));
    if (Thread.interrupted()) {
      return;
    }
    try {
      node.signal("CONT");
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void anAgentKilledForItsMemoryIsAPause() throws Exception {
    Path group = Path.of("/sys/fs/cgroup/memory/larder-test-" + ProcessHandle.current().pid());
    Needs.that(Files.isDirectory(group.getParent()), "no cgroup v1 memory controller");
    Files.createDirectory(group);
    try {
      mounted();
      try (MountReaders readers = MountReaders.start(target, files, 4)) {
        readers.holdOpen(MODEL);
        node.kill();
        // Enough to begin, too little to serve.
        Files.writeString(group.resolve("memory.limit_in_bytes"), "90M");
        node.launch(
            List.of("sh", "-c", "echo $$ > " + group + "/cgroup.procs && exec \"$@\"", "sh"));
        assertEquals(137, node.awaitEnd(), "killed by the kernel");
        assertTrue(
            Files.readString(group.resolve("memory.oom_control")).contains("oom_kill 1"),
            "for its memory");
        long before = readers.reads();
        node.startAgain();
        await("reads go on", () -> readers.reads() > before + 20);
        readers.stop();
        assertEquals("", readers.failures());
      }
      compare();
      unmounted();
    } finally {
      await("the group is empty", () -> group.toFile().delete() || !Files.exists(group));
    }
  }

  @Test
  void aReaderKilledInAStuckReadDiesAtOnce() throws Exception {
    mounted();
    node.signal("STOP");
    diesAtOnce("while the agent is stopped");
    node.signal("CONT");
    node.kill();
    diesAtOnce("while there is no agent");
    node.startAgain();
    compare();
    unmounted();
  }

  private void diesAtOnce(String when) throws Exception {
    Process stuck = reader(MODEL);
    await("the reader waits " + when, () -> isStuck(stuck.pid()));
    long killed = System.nanoTime();
    stuck.destroyForcibly();
    assertTrue(stuck.waitFor(10, TimeUnit.SECONDS), "no end " + when);
    double seconds = (System.nanoTime() - killed) / 1e9;
    assertTrue(seconds <= 1, "killed reader took " + seconds + " s " + when);
  }

  @Test
  void withEverybodyDeadNamesAreThereAndANewAgentMakesFilesReadable() throws Exception {
    mounted();
    completed(OTHER);
    node.kill();
    node.killKeeper();
    assertEquals(0, run(5, "stat", target.toString()), "stat of the root");
    assertEquals(0, run(5, "ls", "-lR", target.toString()), "all names, sizes and times");
    assertArrayEquals(files.get(OTHER), Files.readAllBytes(target.resolve(OTHER)));
    assertNotEquals(0, run(5, "cat", target.resolve(MODEL).toString()), "an error and no hang");
    node.startAgain();
    long ready = System.nanoTime();
    await("new opens work", () -> run(10, "cat", target.resolve(MODEL).toString()) == 0);
    double seconds = (System.nanoTime() - ready) / 1e9;
    assertTrue(seconds <= 10, "new opens after " + seconds + " s");
    compare();
    unmounted();
  }

  @Test
  void aKeeperKilledUnderReadersOfIncompleteFilesIsBackWithinTenSeconds() throws Exception {
    mounted("origin.bandwidth-max=4MiB");
    try (MountReaders readers = MountReaders.start(target, files, 3)) {
      readers.holdOpen(MODEL);
      for (int kill = 0; kill < 3; kill++) {
        await("a read waits before kill " + kill, readers::isWaiting);
        long former = node.keeperPid();
        node.killKeeper();
        long killed = System.nanoTime();
        await("the next keeper has the mounts after kill " + kill, () -> isServed(former));
        byte[] first = new byte[4096];
        try (InputStream in = Files.newInputStream(target.resolve(MODEL))) {
          assertEquals(first.length, in.readNBytes(first, 0, first.length));
        }
        assertArrayEquals(Arrays.copyOf(files.get(MODEL), first.length), first);
        double seconds = (System.nanoTime() - killed) / 1e9;
        assertTrue(seconds <= 10, "new opens after " + seconds + " s" + log());
      }
      readers.stop();
      assertEquals("", readers.failures());
    }
    unmounted();
  }

  private boolean isServed(long formerKeeper) throws Exception {
    long now = node.keeperPid();
    if (now <= 0 || now == formerKeeper) {
      return false;
    }
    try (LarderClient client = node.connect()) {
      return client.control().mounts().getFirst().state().equals("mounted");
    }
  }

  @Test
  void evictionsAreNotSeenByWhoHasFilesOpen() throws Exception {
    // Room for one of the two large files and a bit.
    mounted("store.disk-max=80MiB");
    completed(OTHER);
    try (MountReaders readers = MountReaders.start(target, files, 3)) {
      readers.holdOpen(OTHER);
      readers.holdOpen(MODEL);
      for (int round = 0; round < 3; round++) {
        assertArrayEquals(files.get(MODEL), Files.readAllBytes(target.resolve(MODEL)));
        assertArrayEquals(files.get(OTHER), Files.readAllBytes(target.resolve(OTHER)));
      }
      readers.stop();
      assertEquals("", readers.failures());
    }
    assertTrue(node.metric("larder_evictions_total") > 0, "nothing was evicted");
    compare();
    unmounted();
  }

  @Test
  void aBlobDamagedOnDiskIsFoundAndFetchedAgain() throws Exception {
    mounted("scrub.bytes-per-second=1GiB");
    completed(OTHER);
    Path blob = largestBlob();
    assertEquals(files.get(OTHER).length, Files.size(blob));
    try (RandomAccessFile raw = new RandomAccessFile(blob.toFile(), "rw")) {
      raw.seek(12_345_678);
      int old = raw.read();
      raw.seek(12_345_678);
      raw.write(old ^ 4);
      raw.getFD().sync();
    }
    await("the scrub sets it aside", () -> !Files.exists(blob));
    await(
        "the right bytes are shown",
        () -> Arrays.equals(files.get(OTHER), Files.readAllBytes(target.resolve(OTHER))));
    compare();
    unmounted();
  }

  @Test
  void otherMountNamespacesAndBindMountsShowTheSame() throws Exception {
    mounted();
    Path bound = Files.createDirectory(directory.resolve("bound"));
    assertEquals(0, run(10, "mount", "--bind", target.toString(), bound.toString()));
    try {
      assertArrayEquals(files.get(OTHER), Files.readAllBytes(bound.resolve(OTHER)));
      assertEquals(
          0,
          run(
              30,
              "unshare",
              "-m",
              "cmp",
              target.resolve(OTHER).toString(),
              directory.resolve("source").resolve(OTHER).toString()));
      node.kill();
      node.startAgain();
      assertArrayEquals(files.get(MODEL), Files.readAllBytes(bound.resolve(MODEL)));
    } finally {
      assertEquals(0, run(10, "umount", bound.toString()));
    }
    compare();
    unmounted();
  }

  private void mounted(String... settings) throws Exception {
    List<String> all = new ArrayList<>(List.of(settings));
    all.add("mount.remount-interval=200ms");
    node = NodeProcess.start(directory.resolve("node"), all.toArray(String[]::new));
    try (LarderClient client = node.connect()) {
      String uri = directory.resolve("source").toUri().toString();
      client.control().create("data", uri, Map.of(), (o, b) -> {});
      client
          .control()
          .mount(new MountRequest("data", target.toString(), false, false, false, "kernel"));
    }
  }

  private void unmounted() throws Exception {
    try (LarderClient client = node.connect()) {
      Mount mount = client.control().mounts().getFirst();
      assertEquals("mounted", mount.state());
      client.control().unmount(target.toString(), "plain");
    }
  }

  /** Reads a file and waits until the kernel reads it by itself. */
  private void completed(String path) throws Exception {
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
  private boolean isReadWithoutAgent(String path) throws Exception {
    double before = node.metric("larder_fuse_opens_total");
    try (InputStream in = Files.newInputStream(target.resolve(path))) {
      assertEquals(files.get(path)[0] & 0xff, in.read());
    }
    return node.metric("larder_fuse_opens_total") == before;
  }

  private Path largestBlob() throws IOException {
    try (Stream<Path> blobs = Files.walk(directory.resolve("node/data/blobs"))) {
      return blobs
          .filter(Files::isRegularFile)
          .max(Comparator.comparingLong(file -> file.toFile().length()))
          .orElseThrow();
    }
  }

  private void compare() throws IOException {
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      assertArrayEquals(
          file.getValue(), Files.readAllBytes(target.resolve(file.getKey())), file.getKey());
    }
  }

  private Process reader(String path) throws IOException {
    return new ProcessBuilder("cat", target.resolve(path).toString())
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** Whether a process waits for an answer of the FUSE server or for a page it reads. */
  private static boolean isStuck(long pid) throws IOException {
    String place = Files.readString(Path.of("/proc", Long.toString(pid), "wchan"));
    return place.contains("request_wait_answer") || place.contains("folio_wait");
  }

  private static int run(long secondsMax, String... command) throws Exception {
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

  private void await(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.call()) {
      assertTrue(System.nanoTime() < deadline, () -> what + log());
      LockSupport.parkNanos(10_000_000);
    }
  }

  private String log() {
    try {
      return ": " + node.log();
    } catch (IOException e) {
      return ": " + e;
    }
  }

  private void add(Random random, String path, int size) {
    byte[] content = new byte[size];
    random.nextBytes(content);
    files.put(path, content);
  }
}
