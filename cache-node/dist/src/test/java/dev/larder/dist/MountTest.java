package dev.larder.dist;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.client.Control.Job;
import dev.larder.client.Control.Mount;
import dev.larder.client.Control.MountRequest;
import dev.larder.client.LarderClient;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.testkit.FaultyHttpServer;
import dev.larder.testkit.Needs;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Datasets mounted by a whole node with a keeper of its own, on this kernel. */
class MountTest {
  @TempDir Path directory;

  private final Map<String, byte[]> files = new TreeMap<>();
  private Path source;
  private Path target;
  private NodeProcess node;

  @BeforeEach
  void start() throws Exception {
    Needs.root();
    Random random = new Random(7);
    add(random, "empty", 0);
    add(random, "a b/ü%+.txt", 11);
    add(random, "small/one", 64 << 10);
    add(random, "large/two", (64 << 10) + 1);
    add(random, "large/model.bin", (70 << 20) + 4321);
    add(random, "large/other.bin", 20 << 20);
    for (int i = 0; i < 60; i++) {
      add(random, "many/%03d".formatted(i), 500 + i);
    }
    source = directory.resolve("source");
    write(source);
    target = Files.createDirectory(directory.resolve("target"));
    node = NodeProcess.start(directory.resolve("node"), "mount.remount-interval=200ms");
  }

  @AfterEach
  void stop() throws Exception {
    if (node != null) {
      node.close();
    }
  }

  @Test
  void aDatasetIsADirectoryUntilItIsUnmounted() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      Mount mount = mount(client, "data", false);
      assertEquals("kernel", mount.kind());
      assertEquals("mounted", mount.state());
      assertEquals(target.toString(), mount.target());
      compareAll();
      compareAll();
      assertEquals(mount.snapshot(), client.control().mounts().getFirst().snapshot());
      assertEquals(mount.mountedAt(), mount(client, "data", false).mountedAt(), "asked twice");

      assertEquals(
          ErrorCode.MOUNT_BUSY,
          fault(() -> client.control().delete("data")).code(),
          "a mounted dataset");
      // The packed form takes the plain one's place once; whoever has that open is let go.
      await("packed", () -> client.control().mounts().getFirst().packed());
      try (InputStream open = Files.newInputStream(target.resolve("large/model.bin"))) {
        assertEquals(
            ErrorCode.MOUNT_BUSY, fault(() -> unmount(client, "plain")).code(), "a busy mount");
        unmount(client, "lazy");
        assertArrayEquals(files.get("large/model.bin"), open.readAllBytes());
      }
      assertEquals(0, client.control().mounts().size());
      assertEquals(ErrorCode.UNKNOWN_MOUNT, fault(() -> unmount(client, "plain")).code());
      await("nothing is mounted", () -> !mountinfo().contains(target.toString()));
      client.control().delete("data");
    }
  }

  @Test
  void wrongTargetsAreNamed() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      Path absent = directory.resolve("absent");
      for (Path wrong :
          new Path[] {
            absent, source.resolve("empty"), node.runDirectory(), directory.resolve("node/data")
          }) {
        LarderException e = fault(() -> mount(client, "data", wrong, false));
        assertEquals(ErrorCode.BAD_REQUEST, e.code(), wrong.toString());
        assertTrue(e.getMessage().contains(wrong.toString()), e.getMessage());
      }
      assertEquals(ErrorCode.UNKNOWN_DATASET, fault(() -> mount(client, "none", false)).code());
      assertEquals(ErrorCode.UNKNOWN_DATASET, fault(() -> mount(client, "data@7", false)).code());
      assertEquals(ErrorCode.BAD_REQUEST, fault(() -> mount(client, "data@1", true)).code());
      mount(client, "data", false);
      client.control().create("other", source.toUri().toString(), Map.of(), (o, b) -> {});
      assertEquals(ErrorCode.ALREADY_EXISTS, fault(() -> mount(client, "other", false)).code());
    }
  }

  @Test
  void readersOutliveAgentsThatAreKilled() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      mount(client, "data", false);
    }
    compare("large/other.bin");
    try (MountReaders readers = MountReaders.start(target, files, 4)) {
      for (int kill = 0; kill < 4; kill++) {
        long before = readers.reads();
        node.kill();
        node.startAgain();
        await("reads go on", () -> readers.reads() > before + 20);
      }
      readers.stop();
      assertEquals("", readers.failures());
      System.out.printf("longest pause %.2f s%n", readers.longestPauseSeconds());
    }
    compareAll();
    try (LarderClient client = node.connect()) {
      assertEquals("mounted", client.control().mounts().getFirst().state());
      unmount(client, "plain");
    }
  }

  /**
   * The goal is three seconds, of the distribution with its archive on a quiet machine. The bound
   * is for a loaded one without the archive, and for the best of several kills: it tells a start
   * that always takes long from a machine that was busy once.
   */
  @Test
  void readsAreAnsweredBeforeTheNodeIsWholeAgain() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      mount(client, "data", false);
    }
    byte[] wanted = files.get("large/model.bin");
    long quickestNanos = Long.MAX_VALUE;
    int answeredFirst = 0;
    try (FileChannel file = FileChannel.open(target.resolve("large/model.bin"))) {
      for (int kill = 0; kill < 4; kill++) {
        // Never read before: neither the kernel has it nor the store.
        int at = (kill + 1) * (12 << 20);
        node.kill();
        long started = System.nanoTime();
        FutureTask<Long> read =
            new FutureTask<>(() -> {
              ByteBuffer buffer = ByteBuffer.allocate(4096);
              assertEquals(4096, file.read(buffer, at));
              assertArrayEquals(Arrays.copyOfRange(wanted, at, at + 4096), buffer.array());
              return System.nanoTime();
            });
        Thread.ofPlatform().daemon().start(read);
        node.startAgain();
        long readyNanos = System.nanoTime();
        long answeredNanos = read.get(30, TimeUnit.SECONDS);
        quickestNanos = Math.min(quickestNanos, answeredNanos - started);
        answeredFirst += answeredNanos - readyNanos < 0 ? 1 : 0;
        System.out.printf(
            "answered after %.2f s, ready after %.2f s%n",
            (answeredNanos - started) / 1e9, (readyNanos - started) / 1e9);
      }
    }
    assertTrue(quickestNanos < Duration.ofSeconds(6).toNanos(), quickestNanos / 1e9 + " s");
    assertTrue(answeredFirst >= 3, "answered before ready: " + answeredFirst + " of 4");
  }

  @ParameterizedTest
  @ValueSource(strings = {"kernel", "tree"})
  void attributesSayWhereFilesComeFrom(String kind) throws Exception {
    byte[] content = files.get("large/two");
    String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    try (FaultyHttpServer server = FaultyHttpServer.start();
        LarderClient client = node.connect()) {
      server.put("/site/two", content, "v7");
      String lines =
          "{\"url\": \"two\", \"path\": \"a/known\", \"sha256\": \"%s\"}%n{\"url\": \"two\"}%n"
              .formatted(digest);
      server.put("/site/list", lines.getBytes(StandardCharsets.UTF_8), "m");
      String uri = server.endpoint() + "/site/list";
      client.control().create("data", uri, Map.of("manifest", "true"), (o, b) -> {});
      client
          .control()
          .mount(new MountRequest("data", target.toString(), false, false, false, kind));
      assertEquals(Map.of("user.larder.origin", uri), attributes(target));
      Map<String, String> known = attributes(target.resolve("a/known"));
      assertEquals(digest, known.get("user.larder.digest"));
      assertEquals(server.endpoint() + "/site/two", known.get("user.larder.origin"));
      assertTrue(known.containsKey("user.larder.version"), known.toString());
      assertFalse(attributes(target.resolve("two")).containsKey("user.larder.digest"));
      assertArrayEquals(content, Files.readAllBytes(target.resolve("a/known")));
      unmount(client, "plain");
    }
  }

  private static Map<String, String> attributes(Path file) throws IOException {
    UserDefinedFileAttributeView view =
        Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
    Map<String, String> all = new TreeMap<>();
    for (String name : view.list()) {
      ByteBuffer value = ByteBuffer.allocate(view.size(name));
      view.read(name, value);
      all.put("user." + name, StandardCharsets.UTF_8.decode(value.flip()).toString());
    }
    return all;
  }

  @Test
  void aStoppedAgentIsAPauseAndNoError() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      mount(client, "data", false);
    }
    node.signal("STOP");
    Thread cont =
        Thread.ofPlatform()
            .start(() -> {
              LockSupport.parkNanos(Duration.ofSeconds(3).toNanos());
              try {
                node.signal("CONT");
              } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    long started = System.nanoTime();
    compare("large/model.bin");
    assertTrue(System.nanoTime() - started > Duration.ofSeconds(1).toNanos(), "it was stopped");
    cont.join();
  }

  @Test
  void aCompleteAndPackedMountNeedsNobody() throws Exception {
    Path small = target.resolve("many/007");
    long inode;
    try (LarderClient client = node.connect()) {
      create(client);
      mount(client, "data", false);
      inode = (Long) Files.getAttribute(small, "unix:ino");
      warm(client);
      await(
          "it is complete",
          () -> {
            Mount mount = client.control().mounts().getFirst();
            return mount.packed() && mount.complete();
          });
    }
    assertEquals(inode, Files.getAttribute(small, "unix:ino"), "inode numbers stay");
    node.kill();
    node.killKeeper();
    compareAll();
    assertEquals(inode, Files.getAttribute(small, "unix:ino"));
  }

  @Test
  void aRefreshedSnapshotTakesTheOldOnesPlace() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      mount(client, "data", true);
      byte[] old = files.get("large/two");
      try (InputStream open = Files.newInputStream(target.resolve("large/two"))) {
        assertEquals(old[0] & 0xff, open.read());
        add(new Random(8), "large/new", 100_000);
        byte[] changed = files.get("small/one").clone();
        changed[5]++;
        files.put("small/one", changed);
        write(source);
        Files.setLastModifiedTime(
            source.resolve("small/one"), FileTime.from(Instant.now().plusSeconds(5)));
        client.control().refresh("data", (o, b) -> {});
        await("the new one is shown", () -> Files.exists(target.resolve("large/new")));
        assertArrayEquals(
            Arrays.copyOfRange(old, 1, old.length), open.readAllBytes(), "open files keep theirs");
      }
      compareAll();
      assertEquals("data@2", client.control().mounts().getFirst().snapshot());
    }
  }

  @Test
  void aKeeperThatDiesIsReplaced() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      mount(client, "data", false);
      compare("large/other.bin");
      long before = node.keeperPid();
      node.killKeeper();
      await("a new keeper", () -> node.keeperPid() > 0);
      assertNotEquals(before, node.keeperPid());
      compareAll();
      await("it serves", () -> "mounted".equals(client.control().mounts().getFirst().state()));
      unmount(client, "plain");
    }
  }

  @Test
  void anAbortedConnectionIsDegradedUntilTheKeeperMadeAnother() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      mount(client, "data", false);
      compare("small/one");
      long keeper = node.keeperPid();
      signal(keeper, "STOP");
      try {
        abort(node.runDirectory().resolve("mnt/fuse"));
        await(
            "it is degraded",
            () -> "degraded".equals(client.control().mounts().getFirst().state()));
      } finally {
        signal(keeper, "CONT");
      }
      await("it serves", () -> "mounted".equals(client.control().mounts().getFirst().state()));
      compareAll();
    }
  }

  private static void signal(long pid, String name) throws Exception {
    int status = new ProcessBuilder("kill", "-" + name, "" + pid).inheritIO().start().waitFor();
    assertEquals(0, status);
  }

  /** Aborts the FUSE connection that is mounted at a place. */
  private void abort(Path fuse) throws Exception {
    String device =
        mountinfo()
            .lines()
            .filter(line -> line.split(" ")[4].equals(fuse.toString()))
            .map(line -> line.split(" ")[2])
            .findFirst()
            .orElseThrow();
    Path control = Files.createDirectory(directory.resolve("fusectl"));
    run("mount", "-t", "fusectl", "none", control.toString());
    try {
      String number = device.substring(device.indexOf(':') + 1);
      Files.writeString(control.resolve(number).resolve("abort"), "1");
    } finally {
      run("umount", control.toString());
    }
  }

  private static void run(String... command) throws Exception {
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
  }

  @Test
  void anOriginThatIsGoneIsAnErrorOnlyForWhatIsNotHere() throws Exception {
    try (LarderClient client = node.connect()) {
      create(client);
      mount(client, "data", false);
      compare("large/other.bin");
      Files.move(source, directory.resolve("elsewhere"));
      compare("large/other.bin");
      assertThrows(FileSystemException.class, () -> readAll(target.resolve("large/model.bin")));
      Files.move(directory.resolve("elsewhere"), source);
      compareAll();
    }
  }

  private static byte[] readAll(Path path) throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      return in.readAllBytes();
    } catch (FileSystemException e) {
      throw e;
    } catch (IOException e) {
      // A failing read has no path; a failing open has.
      throw new FileSystemException(path.toString(), null, e.getMessage());
    }
  }

  private void create(LarderClient client) {
    client.control().create("data", source.toUri().toString(), Map.of(), (o, b) -> {});
  }

  private Mount mount(LarderClient client, String snapshot, boolean follow) {
    return mount(client, snapshot, target, follow);
  }

  private static Mount mount(LarderClient client, String snapshot, Path where, boolean follow) {
    return client
        .control()
        .mount(new MountRequest(snapshot, where.toString(), follow, false, false, "kernel"));
  }

  private void unmount(LarderClient client, String mode) {
    client.control().unmount(target.toString(), mode);
  }

  private static void warm(LarderClient client) {
    Job job = client.control().warm("data", "");
    await("warm", () -> !client.control().job(job.id()).orElseThrow().state().equals("running"));
    assertEquals("done", client.control().job(job.id()).orElseThrow().state());
  }

  private static LarderException fault(org.junit.jupiter.api.function.Executable call) {
    return assertThrows(LarderException.class, call);
  }

  private static String mountinfo() {
    try {
      return Files.readString(Path.of("/proc/self/mountinfo"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void await(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError("not within thirty seconds: " + what);
      }
      LockSupport.parkNanos(20_000_000);
    }
  }

  private void compareAll() throws IOException {
    for (String path : files.keySet()) {
      compare(path);
    }
  }

  private void compare(String path) throws IOException {
    Path mounted = target.resolve(path);
    byte[] wanted = files.get(path);
    assertEquals(wanted.length, Files.size(mounted), path);
    try (InputStream in = Files.newInputStream(mounted)) {
      assertArrayEquals(wanted, in.readAllBytes(), path);
    }
  }

  private void add(Random random, String path, int size) {
    byte[] content = new byte[size];
    random.nextBytes(content);
    files.put(path, content);
  }

  private void write(Path root) throws IOException {
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Path path = root.resolve(file.getKey());
      if (!Files.exists(path) || !Arrays.equals(Files.readAllBytes(path), file.getValue())) {
        Files.createDirectories(path.getParent());
        Files.write(path, file.getValue());
      }
    }
  }
}
