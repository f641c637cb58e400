package dev.larder.keeper;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.keeper.wire.MountedView;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.FuseMount;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountFd;
import dev.larder.linux.MountTable;
import dev.larder.linux.Unmount;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A keeper and an agent, as processes, on the real kernel. */
class KeeperTest {

  private static void assertShows(Map<String, byte[]> files, Path target) throws IOException {
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      assertArrayEquals(
          file.getValue(), Files.readAllBytes(target.resolve(file.getKey())), file.getKey());
    }
  }

  @Test
  void showsCompleteFilesNativelyAndOthersThroughTheAgent() throws Exception {
    try (World world = new World("mount.read-ahead=512KiB")) {
      Process keeper = world.startKeeper();
      world.startAgent();
      Map<String, byte[]> here = World.files(1, "here", 40, 100_000);
      Map<String, byte[]> there = World.files(2, "there", 40, 100_000);
      World.store(world.blobs, here);
      World.store(world.remote, there);
      Map<String, byte[]> all = new TreeMap<>(here);
      all.putAll(there);
      String id = world.view(all);
      Path target = world.directory("a target, \u00e4");
      world.agent().ask("bind", id, target);
      assertShows(all, target);
      assertEquals(target + "=" + id + "=MOUNTED\t", world.agent().ask("list"));

      MountEntry entry = MountTable.read().top(target);
      assertNotNull(entry);
      assertTrue(entry.options().containsAll(List.of("ro", "nosuid", "nodev")));
      assertEquals("larder:set@1", entry.source());
      assertEquals(
          "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(world.run)));
      MountEntry fuse = MountTable.read().top(world.run.resolve("mnt/fuse"));
      Path readAhead = Path.of("/sys/class/bdi", fuse.device(), "read_ahead_kb");
      assertEquals("512", Files.readString(readAhead).strip());
      assertMemory(keeper);

      // Everything again is nothing new.
      String list = world.mounts().toString();
      world.view(all);
      world.agent().ask("bind", id, target);
      assertEquals(list, world.mounts().toString());

      // What is complete needs nobody.
      world.agent().kill();
      world.killKeeper();
      assertShows(here, target);
    }
  }

  /** Without the shared memory, whose size is configured. */
  private static void assertMemory(Process process) throws IOException {
    Map<String, Long> kilobytes = new TreeMap<>();
    for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
      if (line.matches("Rss.*kB")) {
        String[] words = line.split("\\s+");
        kilobytes.put(words[0], Long.parseLong(words[1]));
      }
    }
    long used = kilobytes.get("RssAnon:") + kilobytes.get("RssFile:");
    System.out.println("keeper RSS without shared memory: " + used + " KiB");
    assertTrue(used <= 64 << 10, kilobytes.toString());
  }

  @Test
  void targetsAreChecked() throws Exception {
    try (World world = new World()) {
      world.startKeeper();
      world.startAgent();
      String id = world.view(Map.of("f", "content".getBytes()));
      Path file = Files.createFile(world.root.resolve("file"));
      Path real = world.directory("real");
      Path link = Files.createSymbolicLink(world.root.resolve("link"), real);
      Files.createDirectory(real.resolve("below"));
      Path inData = world.directory("data/more");
      for (Object bad :
          List.of(
              "relative",
              world.root.resolve("absent"),
              file,
              link,
              world.run,
              world.run.resolve("mnt"),
              inData,
              world.root,
              "/",
              "")) {
        String said = world.agent().tell("bind", id, bad);
        assertTrue(said.startsWith("fault "), bad + ": " + said);
        assertFalse(said.startsWith("fault INTERNAL"), bad + ": " + said);
      }
      assertTrue(world.agent().tell("bind", id, inData).contains("the data directory"));
      assertTrue(world.agent().tell("bind", id, world.run).contains("the run directory"));
      assertEquals("", world.agent().ask("list"));
      String unknown = "0".repeat(32);
      assertTrue(world.agent().tell("bind", unknown, real).contains("not mounted"));

      // A link on the way is fine; the directory's own name is what counts.
      world.agent().ask("bind", id, link.resolve("below"));
      assertEquals(real.resolve("below") + "=" + id + "=MOUNTED\t", world.agent().ask("list"));
      world.agent().ask("detach", link.resolve("below"), "plain");
      assertEquals("", world.agent().ask("list"));
      assertEquals(List.of(), world.mounts(real));
    }
  }

  @Test
  void anotherViewTakesThePlaceUnderReaders() throws Exception {
    try (World world = new World()) {
      world.startKeeper();
      world.startAgent();
      Map<String, byte[]> files = World.files(3, "d", 20, 20_000);
      World.store(world.blobs, files);
      World.store(world.remote, files);
      Map<String, byte[]> more = new TreeMap<>(files);
      more.put("only here", "2".getBytes());
      World.store(world.blobs, more);
      String[] ids = {world.view(files), world.view(more)};
      Path target = world.directory("target");
      world.agent().ask("bind", ids[0], target);
      String name = files.keySet().iterator().next();
      try (Readers readers =
          new Readers(3, target, files).withOpen(target.resolve(name), files.get(name))) {
        for (int i = 1; i <= 40; i++) {
          world.agent().ask("switch", target, ids[(i + 1) % 2], ids[i % 2]);
          readers.awaitReads(4);
        }
      }
      assertEquals(1, MountTable.read().at(target).size());
      String said = world.agent().tell("switch", target, ids[1], ids[1]);
      assertTrue(said.startsWith("fault UNKNOWN_MOUNT"), said + " " + world.log());
      assertTrue(world.agent().tell("bind", ids[1], target).startsWith("fault ALREADY_EXISTS"));
      world.agent().ask("switch", target, ids[0], ids[1]);
      world.agent().ask("switch", target, ids[0], ids[1]);
      world.agent().ask("drop", ids[0], "plain");
      assertShows(more, target);
    }
  }

  @Test
  void aRemountMovesFilledFilesToTheDisk() throws Exception {
    try (World world = new World()) {
      world.startKeeper();
      world.startAgent();
      byte[] bytes = "content".getBytes();
      Map<String, byte[]> files = Map.of("f", bytes);
      World.store(world.remote, files);
      String id = world.view(files);
      Path target = world.directory("target");
      world.agent().ask("bind", id, target);
      assertShows(files, target);
      // Recognisable: the file of this key on the disk has other bytes.
      Path blob = world.blobs.resolve(World.key(bytes).diskName());
      Files.createDirectories(blob.getParent());
      Files.writeString(blob, "CONTENT");
      assertShows(files, target);
      world.agent().ask("remount", id);
      assertEquals("CONTENT", Files.readString(target.resolve("f")));
    }
  }

  @Test
  void busyMountsAreDetachedOnlyWhenAsked() throws Exception {
    try (World world = new World()) {
      world.startKeeper();
      world.startAgent();
      byte[] bytes = "content".getBytes();
      Map<String, byte[]> files = Map.of("f", bytes);
      World.store(world.blobs, files);
      String id = world.view(files);
      Path one = world.directory("one");
      Path two = world.directory("two");
      world.agent().ask("bind", id, one);
      world.agent().ask("bind", id, two);
      InputStream openOne = Files.newInputStream(one.resolve("f"));
      InputStream openTwo = Files.newInputStream(two.resolve("f"));
      String said = world.agent().tell("detach", one, "plain");
      assertTrue(said.startsWith("fault MOUNT_BUSY"), said);
      assertEquals(1, world.mounts(one).size());
      world.agent().ask("detach", one, "lazy");
      assertEquals(List.of(), world.mounts(one));
      assertArrayEquals(bytes, openOne.readAllBytes());
      said = world.agent().tell("drop", id, "plain");
      assertTrue(said.startsWith("fault MOUNT_BUSY"), said);
      world.agent().ask("drop", id, "force");
      assertEquals(List.of(), world.mounts(two));
      assertArrayEquals(bytes, openTwo.readAllBytes());
      openOne.close();
      openTwo.close();
      Waiting.until("loop devices are gone", () -> world.loops().isEmpty());
      // The end of the last view ended the FUSE connection, and the agent takes up the next one.
      Waiting.until(
          "nothing is mounted there",
          () -> world.agent().tell("detach", one, "plain").startsWith("fault UNKNOWN_MOUNT"));
    }
  }

  @Test
  void aForcedEndOfTheLastViewFreesStuckReaders() throws Exception {
    try (World world = new World()) {
      world.startKeeper();
      world.startAgent();
      Map<String, byte[]> files = Map.of("f", "content".getBytes());
      World.store(world.remote, files);
      Files.createFile(world.remote.resolve("stuck"));
      String id = world.view(files);
      Path target = world.directory("target");
      world.agent().ask("bind", id, target);
      Process reader = world.watch(new ProcessBuilder("cat", target + "/f").start());
      Waiting.until("the reader waits", () -> world.agent().ask("stats").contains("waited=1"));
      String said = world.agent().tell("drop", id, "plain");
      assertTrue(said.startsWith("fault MOUNT_BUSY"), said);
      world.agent().ask("drop", id, "force");
      assertTrue(reader.waitFor(10, TimeUnit.SECONDS), "the reader still waits");
      assertEquals(1, reader.exitValue());
      Files.delete(world.remote.resolve("stuck"));
      // The next mount has a connection of its own.
      Waiting.until(
          "the agent serves again",
          () -> world.log().lines().filter(l -> l.contains("an agent serves")).count() == 2);
      // The keeper knows that before the agent does.
      Waiting.until(
          "the agent asks the keeper over the new connection",
          () -> !world.agent().tell("list").startsWith("fault CLOSED"));
      String again = world.view(files);
      world.agent().ask("bind", again, target);
      assertShows(files, target);
    }
  }

  @Test
  void whatIsOnTopOfAMountIsLeftAlone() throws Exception {
    try (World world = new World()) {
      world.startKeeper();
      world.startAgent();
      Map<String, byte[]> files = Map.of("f", "content".getBytes());
      World.store(world.blobs, files);
      String id = world.view(files);
      Path target = world.directory("target");
      Path other = world.directory("other");
      world.agent().ask("bind", id, target);
      int status =
          new ProcessBuilder("mount", "--bind", other.toString(), target.toString())
              .inheritIO()
              .start()
              .waitFor();
      assertEquals(0, status);
      assertEquals(target + "=" + id + "=COVERED\t", world.agent().ask("list"));
      String said = world.agent().tell("detach", target, "lazy");
      assertTrue(said.contains("something is mounted over it"), said);
      assertEquals(2, MountTable.read().at(target).size());
      Unmount.now(target);
      Unmount.now(target);
      assertEquals(target + "=" + id + "=GONE\t", world.agent().ask("list"));
      world.agent().ask("detach", target, "plain");
      assertEquals("", world.agent().ask("list"));
    }
  }

  @Test
  void aTargetThatHangsHoldsUpNothingElse() throws Exception {
    try (World world = new World();
        FuseDevice dead = FuseDevice.open()) {
      world.startKeeper();
      world.startAgent();
      Map<String, byte[]> files = Map.of("f", "content".getBytes());
      World.store(world.blobs, files);
      String id = world.view(files);
      // A file system whose server never answers, as one on a dead network would be.
      Path hung = world.directory("hung");
      try (MountFd mount = new FuseMount("hung", "test", 0755, true, false, 4096).of(dead)) {
        mount.attach(hung);
      }
      Thread stuck =
          Thread.ofPlatform()
              .start(() -> {
                try (KeeperClient command = KeeperClient.connect(world.run).orElseThrow()) {
                  command.command();
                  assertThrows(
                      LarderException.class,
                      () -> command.detach(hung.resolve("below"), true, false));
                }
              });
      Path target = world.directory("target");
      for (int i = 0; i < 10; i++) {
        world.agent().ask("bind", id, target);
        assertShows(files, target);
        world.agent().ask("detach", target, "plain");
      }
      stuck.join(30_000);
      assertFalse(stuck.isAlive(), "a request has no end");
      assertTrue(world.log().contains("ETIMEDOUT"), world.log());
      dead.close();
    }
  }

  @Test
  void endsOnlyWhenNothingIsMountedAndLeavesNothing() throws Exception {
    try (World world = new World()) {
      Process keeper = world.startKeeper();
      world.startAgent();
      Map<String, byte[]> files = Map.of("f", "content".getBytes());
      World.store(world.blobs, files);
      String id = world.view(files);
      Path target = world.directory("target");
      world.agent().ask("bind", id, target);
      try (KeeperClient command = KeeperClient.connect(world.run).orElseThrow()) {
        command.command();
        LarderException busy = assertThrows(LarderException.class, command::end);
        assertEquals(ErrorCode.MOUNT_BUSY, busy.code());
        List<MountedView> views = command.mounts();
        assertEquals(1, views.size());
        assertEquals(target.toString(), views.getFirst().target());
        LarderException notAllowed =
            assertThrows(LarderException.class, () -> command.bind(id, target));
        assertEquals(ErrorCode.UNSUPPORTED, notAllowed.code());
        command.detach(id, false, false);
        command.end();
        command.ended().get(10, TimeUnit.SECONDS);
        assertThrows(LarderException.class, command::mounts);
      }
      assertTrue(keeper.waitFor(10, TimeUnit.SECONDS));
      assertEquals(0, keeper.exitValue());
      assertEquals(List.of(), world.mounts());
      assertTrue(KeeperClient.connect(world.run).isEmpty());
      assertFalse(Files.exists(world.run.resolve("keeper.json")));
      Waiting.until("loop devices are gone", () -> world.loops().isEmpty());
    }
  }

  @Test
  void layersMayBeNamedInOneOption() throws Exception {
    try (World world = new World("mount.overlay-layers=joined")) {
      world.startKeeper();
      world.startAgent();
      Map<String, byte[]> here = World.files(4, "here", 10, 1000);
      Map<String, byte[]> there = World.files(5, "there", 10, 1000);
      World.store(world.blobs, here);
      World.store(world.remote, there);
      Map<String, byte[]> all = new TreeMap<>(here);
      all.putAll(there);
      Path target = world.directory("target");
      world.agent().ask("bind", world.view(all), target);
      assertShows(all, target);
      MountEntry entry = MountTable.read().top(target);
      assertTrue(entry.superOptions().stream().anyMatch(o -> o.startsWith("lowerdir=")));
    }
  }

  @Test
  void aViewThatSomebodyTookAwayIsNotBound() throws Exception {
    try (World world = new World()) {
      world.startKeeper();
      world.startAgent();
      Map<String, byte[]> files = Map.of("f", "content".getBytes());
      World.store(world.blobs, files);
      String id = world.view(files);
      Path target = world.directory("target");
      Unmount.now(world.run.resolve("mnt/s").resolve(id));
      String said = world.agent().tell("bind", id, target);
      assertTrue(said.contains("not mounted"), said);
      assertEquals(List.of(), world.mounts(target));
      assertEquals("", world.agent().ask("list"));

      assertEquals(id, world.view(files), "made once more");
      // The kernel has the target's name no longer at hand, which must make no difference.
      Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "2");
      world.agent().ask("bind", id, target);
      assertShows(files, target);
    }
  }

  @Test
  void manyMountsAreListedAndBounded() throws Exception {
    try (World world = new World("keeper.mounts-max=150")) {
      world.startKeeper();
      world.startAgent();
      Map<String, byte[]> files = Map.of("f", "content".getBytes());
      World.store(world.blobs, files);
      String id = world.view(files);
      String name = "a long name of a directory ".repeat(8);
      for (int i = 0; i < 150; i++) {
        world.agent().ask("bind", id, world.directory(name + i));
      }
      String said = world.agent().tell("bind", id, world.directory("one too many"));
      assertTrue(said.startsWith("fault TOO_MANY") && said.contains("keeper.mounts-max"), said);
      assertEquals(150, world.agent().ask("list").split("=MOUNTED\t").length);
      assertShows(files, world.root.resolve(name + 149));
      world.agent().ask("drop", id, "plain");
      assertEquals("", world.agent().ask("list"));
      assertThrows(
          FileSystemException.class, () -> Files.readString(world.root.resolve(name + "0/f")));
    }
  }

  @Test
  void noSecondKeeperRunsOnOneDirectory() throws Exception {
    try (World world = new World()) {
      Process keeper = world.startKeeper();
      Process second = world.watch(World.launcher().start(world.config()));
      assertTrue(second.waitFor(20, TimeUnit.SECONDS));
      assertEquals(3, second.exitValue());
      assertTrue(keeper.isAlive());
      Process wrong =
          world.java(KeeperMain.class, List.of(), "keeper.run-directory=/x", "keeper.colour=red");
      assertTrue(wrong.waitFor(20, TimeUnit.SECONDS));
      assertEquals(2, wrong.exitValue());
      assertTrue(Files.readString(world.root.resolve("stderr")).contains("keeper.colour"));
    }
  }
}
