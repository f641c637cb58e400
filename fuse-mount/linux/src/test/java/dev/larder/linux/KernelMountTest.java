package dev.larder.linux;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.testkit.Seeds;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Catalogs over blobs, mounted by the kernel this runs on. */
class KernelMountTest {
  private Playground play;

  @BeforeEach
  void open() throws Exception {
    play = new Playground(", odd:\\ \u00e4");
  }

  @AfterEach
  void close() throws Exception {
    play.close();
  }

  /** A catalog at one place and its overlay at another, as the keeper does it. */
  private void mount(OverlayStyle style, Path image, Path tree, Path target, Path... data)
      throws Exception {
    try (Fd file = Fd.open(image, Fd.O_RDONLY);
        MountFd catalog = ErofsMount.of(file)) {
      catalog.attach(tree);
    }
    List<Fd> layers = new ArrayList<>();
    try (Fd root = Fd.openDirectory(tree)) {
      for (Path each : data) {
        layers.add(Fd.openDirectory(each));
      }
      try (MountFd overlay = new OverlayMount(style).of("larder:set@7", root, layers, false)) {
        overlay.attach(target);
      }
    } finally {
      layers.forEach(Fd::close);
    }
  }

  @ParameterizedTest
  @EnumSource
  void showsTheRightBytesWithNobodyServing(OverlayStyle style) throws Exception {
    Path target = play.directory("a target, with:odd \\ name");
    Path tree = play.directory("tree");
    Path second = play.directory("second");
    Seeds.run(random -> {
      Map<String, byte[]> files = Playground.files(random, 150);
      Map<String, byte[]> here = new TreeMap<>(files);
      Map<String, byte[]> there = new TreeMap<>();
      for (String name : files.keySet()) {
        if (random.nextInt(4) == 0) {
          there.put(name, here.remove(name));
        }
      }
      Playground.store(play.blobs, here);
      Playground.store(second, there);
      mount(style, play.catalog(files), tree, target, play.blobs, second);
      Playground.assertSame(files, Playground.read(target));
    });
    MountEntry overlay = MountTable.read().top(target);
    assertNotNull(overlay);
    assertEquals("overlay", overlay.type());
    assertEquals("larder:set@7", overlay.source());
    assertTrue(overlay.options().containsAll(List.of("ro", "nosuid", "nodev")));
    assertEquals(
        style == OverlayStyle.JOINED,
        overlay.superOptions().stream().anyMatch(o -> o.startsWith("lowerdir=")));
    assertThrows(FileSystemException.class, () -> Files.createFile(target.resolve("new")));

    assertEquals(1, play.loops().size());
    Unmount.now(target);
    Unmount.now(tree);
    assertEquals(List.of(), play.mounts());
    Waiting.until(() -> play.loops().isEmpty());
  }

  @Test
  void theBestStyleIsFoundByTrying() throws Exception {
    String release = Files.readString(Path.of("/proc/sys/kernel/osrelease"));
    String[] version = release.split("[.-]");
    boolean appended =
        Integer.parseInt(version[0]) > 6
            || (Integer.parseInt(version[0]) == 6 && Integer.parseInt(version[1]) >= 8);
    assertEquals(appended ? OverlayStyle.APPENDED : OverlayStyle.JOINED, OverlayStyle.probe());
  }

  @Test
  void keptOpenFilesLetOnlyALazyUnmountThrough() throws Exception {
    Path target = play.directory("target");
    Path tree = play.directory("tree");
    byte[] bytes = "content".getBytes();
    Playground.store(play.blobs, Map.of("f", bytes));
    mount(OverlayStyle.probe(), play.catalog(Map.of("f", bytes)), tree, target, play.blobs);
    try (InputStream open = Files.newInputStream(target.resolve("f"))) {
      LinuxException busy = assertThrows(LinuxException.class, () -> Unmount.now(target));
      assertEquals(Errno.EBUSY, busy.errno());
      Unmount.lazily(target);
      Unmount.lazily(tree);
      assertEquals(List.of(), play.mounts());
      assertEquals(1, play.loops().size());
      assertArrayEquals(bytes, open.readAllBytes());
    }
    Waiting.until(() -> play.loops().isEmpty());
    LinuxException nothing = assertThrows(LinuxException.class, () -> Unmount.now(target));
    assertEquals(Errno.EINVAL, nothing.errno());
  }

  @Test
  void whatIsNoImageIsRefusedWithTheKernelsWords() throws Exception {
    Path image = play.root.resolve("junk");
    Files.write(image, new byte[65536]);
    try (Fd file = Fd.open(image, Fd.O_RDONLY)) {
      LinuxException refused = assertThrows(LinuxException.class, () -> ErofsMount.of(file));
      assertEquals(Errno.EINVAL, refused.errno());
    }
    Waiting.until(() -> play.loops().isEmpty());
    try (FsContext context = FsContext.open("overlay")) {
      LinuxException unknown =
          assertThrows(LinuxException.class, () -> context.string("no-such-key", "value"));
      assertTrue(unknown.getMessage().contains("Unknown parameter"), unknown.getMessage());
    }
    LinuxException type = assertThrows(LinuxException.class, () -> FsContext.open("no-such-fs"));
    assertEquals(Errno.ENODEV, type.errno());
  }

  @Test
  void anotherSnapshotTakesThePlaceUnderReaders() throws Exception {
    byte[][] contents = {"the first".getBytes(), "the second, longer".getBytes()};
    Path target = play.directory("target");
    Path[] trees = {play.directory("tree0"), play.directory("tree1")};
    Path[] overlays = {play.directory("overlay0"), play.directory("overlay1")};
    for (int i = 0; i < 2; i++) {
      Map<String, byte[]> files = Map.of("d/f", contents[i]);
      Playground.store(play.blobs, files);
      mount(OverlayStyle.probe(), play.catalog(files), trees[i], overlays[i], play.blobs);
    }
    bind(overlays[0]).attach(target);

    AtomicBoolean end = new AtomicBoolean();
    AtomicLong[] seen = {new AtomicLong(), new AtomicLong()};
    AtomicReference<Throwable> fault = new AtomicReference<>();
    List<Thread> readers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      readers.add(
          Thread.ofPlatform()
              .start(() -> {
                try {
                  while (!end.get()) {
                    String text = Files.readString(target.resolve("d/f"));
                    int which = text.equals(new String(contents[0])) ? 0 : 1;
                    assertEquals(new String(contents[which]), text);
                    seen[which].incrementAndGet();
                  }
                } catch (Throwable e) {
                  fault.set(e);
                }
              }));
    }
    try (InputStream kept = Files.newInputStream(target.resolve("d/f"))) {
      for (int i = 1; i <= 60; i++) {
        long before = seen[i % 2].get();
        switchTo(overlays[i % 2], target);
        // Readers have to come by before the next switch.
        while (seen[i % 2].get() == before && fault.get() == null) {
          Thread.onSpinWait();
        }
        assertEquals(1, MountTable.read().at(target).size());
      }
      assertArrayEquals(contents[0], kept.readAllBytes());
    } finally {
      end.set(true);
      for (Thread reader : readers) {
        reader.join();
      }
    }
    assertNull(fault.get(), () -> "a reader saw " + fault.get());
  }

  private static MountFd bind(Path source) throws LinuxException {
    try (Fd directory = Fd.openDirectory(source)) {
      return MountFd.cloneOf(directory, false);
    }
  }

  private static void switchTo(Path source, Path target) throws LinuxException {
    try (MountFd fresh = bind(source);
        Fd top = Fd.openDirectory(target)) {
      fresh.attachBeneath(top);
    }
    Unmount.lazily(target);
  }

  @Test
  void switchesBelowASharedParentReachOtherNameSpaces() throws Exception {
    // As on a host under systemd: the parent of the target is shared, containers are slaves.
    Path parent = play.directory("parent");
    try (FsContext context = FsContext.open("tmpfs");
        MountFd mount = context.create().mount(0)) {
      mount.attach(parent);
      mount.propagation(MountFd.Propagation.SHARED);
    }
    Path target = Files.createDirectory(parent.resolve("target"));
    Path[] sources = {play.directory("s0"), play.directory("s1")};
    for (int i = 0; i < 2; i++) {
      Files.writeString(sources[i].resolve("f"), "from " + i);
    }
    bind(sources[0]).attach(target);
    String script = "echo there; while read -r line; do cat \"$1\"; echo; done";
    Process slave =
        play.watch(
            new ProcessBuilder(
                    "unshare",
                    "-m",
                    "--propagation",
                    "slave",
                    "sh",
                    "-c",
                    script,
                    "sh",
                    target.resolve("f").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    try (var said = slave.inputReader();
        var tell = slave.outputWriter()) {
      assertEquals("there", said.readLine());
      for (int i = 0; i < 6; i++) {
        if (i > 0) {
          switchTo(sources[i % 2], target);
        }
        assertEquals("from " + i % 2, Files.readString(target.resolve("f")));
        tell.write("\n");
        tell.flush();
        assertEquals("from " + i % 2, said.readLine());
        assertEquals(1, MountTable.read().at(target).size());
      }
    } finally {
      slave.destroyForcibly();
    }
  }

  @Test
  void stackedMountsAreToldInTheirOrder() throws Exception {
    Path target = play.directory("target");
    Path[] sources = {play.directory("s0"), play.directory("s1"), play.directory("s2")};
    bind(sources[0]).attach(target);
    bind(sources[1]).attach(target);
    try (MountFd middle = bind(sources[2]);
        Fd top = Fd.openDirectory(target)) {
      middle.attachBeneath(top);
    }
    List<String> order = new ArrayList<>();
    for (MountEntry entry : MountTable.read().at(target)) {
      order.add(Path.of(entry.root()).getFileName().toString());
    }
    assertEquals(List.of("s0", "s2", "s1"), order);
    assertEquals(MountTable.read().at(target).getLast(), MountTable.read().top(target));
  }

  @Test
  void aRemountMovesFilesBetweenLayersAndFreesEvictedOnes() throws Exception {
    Path target = play.directory("target");
    Path later = play.directory("later");
    byte[] bytes = "content".getBytes();
    byte[] sameKeyElsewhere = "CONTENT".getBytes();
    Map<String, byte[]> files = Map.of("f", bytes);
    Playground.store(later, Playground.key(bytes), sameKeyElsewhere);
    mount(
        OverlayStyle.probe(),
        play.catalog(files),
        play.directory("tree"),
        target,
        play.blobs,
        later);
    Path file = target.resolve("f");
    assertEquals("CONTENT", Files.readString(file));
    Playground.store(play.blobs, files);
    assertEquals("CONTENT", Files.readString(file), "an opened file stays on its layer");
    try (InputStream open = Files.newInputStream(file);
        Fd root = Fd.openDirectory(target)) {
      OverlayMount.remount(root);
      assertEquals("CONTENT", new String(open.readAllBytes()), "open files keep theirs");
    }
    try (Fd root = Fd.openDirectory(target)) {
      OverlayMount.remount(root);
      assertEquals("content", Files.readString(file));
      MountEntry entry = MountTable.read().top(target);
      assertTrue(entry.options().containsAll(List.of("ro", "nosuid", "nodev")));

      Files.delete(play.blobs.resolve(Playground.key(bytes).diskName()));
      Files.delete(later.resolve(Playground.key(bytes).diskName()));
      assertEquals("content", Files.readString(file), "pinned until a remount");
      OverlayMount.remount(root);
      assertThrows(NoSuchFileException.class, () -> Files.readString(file));
    }
  }

  @Test
  void attributesAndPropagationAreSet() throws Exception {
    Path target = play.directory("target");
    try (FsContext context = FsContext.open("tmpfs");
        MountFd mount = context.string("source", "a, b").string("mode", "0700").create().mount(0)) {
      mount.propagation(MountFd.Propagation.SHARED);
      mount.attach(target);
      assertEquals(1, MountTable.read().top(target).optional().size());
      mount.propagation(MountFd.Propagation.PRIVATE);
      mount.addAttributes(MountFd.NO_EXEC | MountFd.READ_ONLY);
    }
    MountEntry entry = MountTable.read().top(target);
    assertEquals("a, b", entry.source());
    assertEquals(List.of(), entry.optional());
    assertTrue(entry.options().containsAll(List.of("ro", "noexec")));
    assertThrows(FileSystemException.class, () -> Files.createFile(target.resolve("new")));
    assertTrue(Files.isDirectory(target));
    assertThrows(LinuxException.class, () -> bind(target).attach(play.root.resolve("absent")));
  }

  @Test
  void aLinkIsNoTarget() throws Exception {
    Path real = play.directory("real");
    Path link = Files.createSymbolicLink(play.root.resolve("link"), real);
    LinuxException refused = assertThrows(LinuxException.class, () -> bind(real).attach(link));
    assertEquals(Errno.ENOTDIR, refused.errno());
    assertEquals(List.of(), play.mounts());
  }

  @Test
  void loopDevicesAreSharedOutAmongMany() throws Exception {
    Path image = play.catalog(Map.of("f", new byte[0]));
    AtomicReference<Throwable> fault = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    try (Fd file = Fd.open(image, Fd.O_RDONLY)) {
      for (int i = 0; i < 6; i++) {
        threads.add(
            Thread.ofPlatform()
                .start(() -> {
                  for (int round = 0; round < 10 && fault.get() == null; round++) {
                    try (MountFd mount = ErofsMount.of(file)) {
                      assertTrue(Files.exists(mount.fd().procPath().resolve("f")));
                    } catch (Throwable e) {
                      fault.set(e);
                    }
                  }
                }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
    }
    assertNull(fault.get(), () -> "seen " + fault.get());
    // A detached mount goes with its last descriptor, a moment after it.
    Waiting.until(() -> play.loops().isEmpty());
  }

  @Test
  void worksInAMountNamespaceOfItsOwn() throws Exception {
    Map<String, byte[]> files = Playground.files(new java.util.Random(5), 20);
    Playground.store(play.blobs, files);
    Path image = play.catalog(files);
    Process child =
        play.watch(
            new ProcessBuilder(
                    "unshare",
                    "-m",
                    "--propagation",
                    "private",
                    ProcessHandle.current().info().command().orElseThrow(),
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    System.getProperty("java.class.path"),
                    NamespaceMain.class.getName(),
                    image.toString(),
                    play.directory("tree").toString(),
                    play.blobs.toString(),
                    play.directory("target").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    try (InputStream said = child.getInputStream()) {
      assertEquals("mounted", new String(said.readNBytes(7)));
      assertEquals(List.of(), play.mounts(), "seen outside of its name space");
      assertEquals(1, play.loops().size());
      child.getOutputStream().close();
      String sizes = new String(said.readAllBytes()).strip();
      assertEquals(
          files.values().stream().mapToLong(b -> b.length).sum() + " bytes in " + files.size(),
          sizes);
    } finally {
      child.destroyForcibly();
      child.waitFor();
    }
    Waiting.until(() -> play.loops().isEmpty());
  }

  /** What the child of the test above does. */
  static final class NamespaceMain {
    public static void main(String[] args) throws Exception {
      Path target = Path.of(args[3]);
      new KernelMountTest()
          .mount(
              OverlayStyle.probe(), Path.of(args[0]), Path.of(args[1]), target, Path.of(args[2]));
      System.out.print("mounted");
      System.out.flush();
      int unused = System.in.read();
      Map<String, byte[]> files = Playground.read(target);
      System.out.println(
          files.values().stream().mapToLong(b -> b.length).sum() + " bytes in " + files.size());
    }
  }
}
