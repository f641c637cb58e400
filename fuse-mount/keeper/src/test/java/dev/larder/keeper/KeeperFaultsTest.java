package dev.larder.keeper;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.linux.MountEntry;
import dev.larder.linux.MountTable;
import dev.larder.linux.Unmount;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Keepers and agents that are killed, replaced and hindered, under readers. */
class KeeperFaultsTest {
  private final Map<String, byte[]> here = World.files(1, "here", 20, 50_000);
  private final Map<String, byte[]> there = World.files(2, "there", 20, 50_000);
  private final Map<String, byte[]> all = new TreeMap<>(here);
  private String id = "";
  private Path target = Path.of("/");

  /** A keeper, an agent, and a view of complete and of other files. */
  private void open(World world, String... more) throws Exception {
    all.putAll(there);
    World.store(world.blobs, here);
    World.store(world.remote, there);
    world.startKeeper(more);
    world.startAgent();
    id = world.view(all);
    target = world.directory("target");
    world.agent().ask("bind", id, target);
  }

  private static String first(Map<String, byte[]> files) {
    return files.keySet().iterator().next();
  }

  private Readers readers() throws Exception {
    return new Readers(3, target, all)
        .withOpen(target.resolve(first(here)), here.get(first(here)))
        .withOpen(target.resolve(first(there)), there.get(first(there)));
  }

  private String list() {
    return target + "=" + id + "=MOUNTED\t";
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aKilledAgentCostsReadersAPauseOnly(boolean sealed) throws Exception {
    try (World world = new World()) {
      if (sealed) {
        Files.createFile(world.remote.resolve("sealed"));
      }
      open(world);
      try (Readers readers = readers()) {
        for (int i = 0; i < 5; i++) {
          readers.awaitReads(20);
          world.agent().kill();
          world.startAgent();
        }
        readers.awaitReads(20);
        System.out.println("longest read over 5 agents: " + readers.longestMillis() + " ms");
      }
      assertEquals(list(), world.agent().ask("list"));
    }
  }

  @Test
  void moreFilesThanRowsAreReadThroughOverlays() throws Exception {
    Map<String, byte[]> many = World.files(3, "many", 4000, 40);
    try (World world = new World("mount.rows-max=1024")) {
      World.store(world.remote, many);
      world.startKeeper();
      world.startAgent();
      Path shown = world.directory("shown");
      world.agent().ask("bind", world.view(many), shown);
      String held = first(many);
      try (FileChannel open = FileChannel.open(shown.resolve(held))) {
        for (Map.Entry<String, byte[]> file : many.entrySet()) {
          assertArrayEquals(file.getValue(), Files.readAllBytes(shown.resolve(file.getKey())));
        }
        ByteBuffer bytes = ByteBuffer.allocate(many.get(held).length);
        assertEquals(bytes.capacity(), open.read(bytes, 0));
        assertArrayEquals(many.get(held), bytes.array());
      }
      String stats = world.agent().ask("stats");
      assertTrue(stats.contains("tableFull=0,"), stats);
    }
  }

  @Test
  void requestsThatWaitAreAnsweredByTheNextAgent() throws Exception {
    try (World world = new World()) {
      open(world);
      Files.createFile(world.remote.resolve("stuck"));
      Process reader =
          world.watch(new ProcessBuilder("cat", target.resolve(first(there)) + "").start());
      Waiting.until("the reader waits", () -> world.agent().ask("stats").contains("waited=1"));
      world.agent().kill();
      Waiting.until(
          "the keeper saw it", () -> world.log().contains("requests wait for the next agent"));
      assertTrue(reader.isAlive());
      Files.delete(world.remote.resolve("stuck"));
      world.startAgent();
      assertArrayEquals(there.get(first(there)), reader.getInputStream().readAllBytes());
      assertEquals(0, reader.waitFor());
    }
  }

  @Test
  void withoutAnAgentRequestsFailAfterTheDeadline() throws Exception {
    try (World world = new World("keeper.agent-deadline=1500ms")) {
      open(world);
      Files.createFile(world.remote.resolve("stuck"));
      Process reader =
          world.watch(new ProcessBuilder("cat", target.resolve(first(there)) + "").start());
      Waiting.until("the reader waits", () -> world.agent().ask("stats").contains("waited=1"));
      world.agent().kill();
      long start = System.nanoTime();
      assertTrue(reader.waitFor(20, TimeUnit.SECONDS));
      long millis = (System.nanoTime() - start) / 1_000_000;
      assertEquals(1, reader.exitValue());
      assertTrue(millis >= 1000 && millis < 10_000, "failed after " + millis + " ms");
      // From now on at once; complete files and names go on.
      String other = there.keySet().stream().skip(3).findFirst().orElseThrow();
      start = System.nanoTime();
      IOException fault =
          assertThrows(IOException.class, () -> Files.readAllBytes(target.resolve(other)));
      assertTrue(fault.toString().contains("Input/output error"), fault.toString());
      assertTrue(System.nanoTime() - start < 1_000_000_000L);
      String name = first(here);
      assertArrayEquals(here.get(name), Files.readAllBytes(target.resolve(name)));
      assertEquals(there.get(other).length, Files.size(target.resolve(other)));

      Files.delete(world.remote.resolve("stuck"));
      world.startAgent();
      try (Readers readers = readers()) {
        readers.awaitReads(50);
      }
    }
  }

  @Test
  void aReaderKilledWhileThereIsNoAgentDiesAtOnce() throws Exception {
    try (World world = new World()) {
      open(world);
      world.agent().kill();
      // The first open of a file sends LOOKUP and OPEN, which nothing but their answer ends.
      Process opener =
          world.watch(new ProcessBuilder("cat", target.resolve(first(there)) + "").start());
      Waiting.until("it waits in the kernel", () -> isWaiting(opener));
      opener.destroyForcibly();
      long start = System.nanoTime();
      assertTrue(opener.waitFor(10, TimeUnit.SECONDS), "a killed reader lives on");
      long millis = (System.nanoTime() - start) / 1_000_000;
      assertTrue(millis < 1000, "died after " + millis + " ms");
    }
  }

  private static boolean isWaiting(Process process) throws IOException {
    String stack = Files.readString(Path.of("/proc/" + process.pid() + "/wchan"));
    return stack.contains("fuse") || stack.contains("request_wait");
  }

  @Test
  void aSecondAgentIsTurnedAwayWhileTheFirstLives() throws Exception {
    try (World world = new World()) {
      open(world);
      World.Agent second = world.launchAgent();
      Waiting.until("it was turned away", () -> second.process.isAlive());
      try (Readers readers = readers()) {
        readers.awaitReads(50);
        assertTrue(second.process.isAlive());
        world.agent().kill();
        second.awaitReady();
        readers.awaitReads(50);
      }
      assertEquals(list(), second.ask("list"));
    }
  }

  @Test
  void aKilledKeeperIsGivenEverythingBack() throws Exception {
    try (World world = new World()) {
      Files.createFile(world.remote.resolve("sealed"));
      open(world);
      try (Readers readers = readers()) {
        for (int i = 0; i < 3; i++) {
          readers.awaitReads(20);
          world.killKeeper();
          readers.awaitReads(20);
          world.startKeeper();
          Waiting.until(
              "restored", () -> world.log().contains("an agent gave the FUSE connection back"));
          Files.delete(world.run.resolve("keeper.log"));
          // The new keeper's standard output still goes to the deleted file.
          assertEquals(list(), ask(world, "list"));
          readers.awaitReads(20);
        }
        // It is the keeper in full: it stands in for the agent.
        world.agent().kill();
        world.startAgent();
        readers.awaitReads(20);
      }
      Path second = world.directory("second");
      world.agent().ask("bind", id, second);
      assertArrayEquals(all.get(first(all)), Files.readAllBytes(second.resolve(first(all))));
      world.agent().ask("drop", id, "plain");
    }
  }

  /** An agent is between two keepers for a moment. */
  private static String ask(World world, Object... words) throws Exception {
    String[] said = new String[1];
    Waiting.until(
        "the agent has its keeper",
        () -> {
          said[0] = world.agent().tell(words);
          return said[0].startsWith("ok ");
        });
    return said[0].substring(3);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void withBothKilledIncompleteFilesComeBackAndCompleteOnesNeverLeft(boolean keeperFirst)
      throws Exception {
    try (World world = new World()) {
      open(world);
      Path covered = world.directory("covered");
      world.agent().ask("bind", id, covered);
      try (Readers complete =
          new Readers(2, target, here)
              .withOpen(target.resolve(first(here)), here.get(first(here)))) {
        for (int i = 0; i < 3; i++) {
          complete.awaitReads(20);
          if (keeperFirst) {
            world.killKeeper();
            world.agent().kill();
          } else {
            world.agent().kill();
            world.killKeeper();
          }
          complete.awaitReads(20);
          long start = System.nanoTime();
          world.startKeeper();
          world.startAgent();
          // Names seen before would be remembered as failed by no one.
          try (Readers readers = new Readers(2, target, all)) {
            readers.awaitReads(20);
          }
          long millis = (System.nanoTime() - start) / 1_000_000;
          System.out.println("both killed, read again after " + millis + " ms");
          assertEquals(1, MountTable.read().at(target).size());
          assertEquals(1, MountTable.read().at(covered).size());
          assertArrayEquals(
              all.get(first(there)), Files.readAllBytes(covered.resolve(first(there))));
          complete.awaitReads(20);
        }
      }
      world.agent().ask("drop", id, "plain");
      assertEquals(List.of(), world.mounts(target));
      Waiting.until("loop devices are gone", () -> world.loops().isEmpty());
    }
  }

  @Test
  void anotherKeeperTakesOverUnderReaders() throws Exception {
    try (World world = new World()) {
      Files.createFile(world.remote.resolve("sealed"));
      open(world);
      try (Readers readers = readers()) {
        for (int i = 0; i < 3; i++) {
          readers.awaitReads(20);
          Process former = world.keeper();
          world.startKeeper("keeper.take-over=true");
          assertTrue(former.waitFor(10, TimeUnit.SECONDS));
          assertEquals(0, former.exitValue());
          assertEquals(list(), ask(world, "list"));
          readers.awaitReads(20);
        }
        // The successor knows the agent: nobody else is let in, and its death is seen.
        World.Agent second = world.launchAgent();
        readers.awaitReads(20);
        world.agent().kill();
        second.awaitReady();
        readers.awaitReads(20);
        System.out.println("longest read over 3 keepers: " + readers.longestMillis() + " ms");
      }
    }
  }

  @Test
  void aTakeOverWithoutAnAgentKeepsWhatWaits() throws Exception {
    try (World world = new World()) {
      open(world);
      world.agent().kill();
      Process reader =
          world.watch(new ProcessBuilder("cat", target.resolve(first(there)) + "").start());
      Waiting.until("it waits in the kernel", () -> isWaiting(reader));
      world.startKeeper("keeper.take-over=true");
      assertTrue(reader.isAlive());
      world.startAgent();
      assertArrayEquals(there.get(first(there)), reader.getInputStream().readAllBytes());
      assertEquals(0, reader.waitFor());
    }
  }

  @Test
  void anAbortedConnectionIsReplaced() throws Exception {
    try (World world = new World()) {
      open(world);
      Files.readAllBytes(target.resolve(first(there)));
      MountEntry fuse = MountTable.read().top(world.run.resolve("mnt/fuse"));
      new FusePlace(new Places(world.run), 0).abort();
      Waiting.until(
          "there is another one",
          () -> {
            MountEntry now = MountTable.read().top(world.run.resolve("mnt/fuse"));
            return now != null && !now.device().equals(fuse.device());
          });
      Waiting.until("the view is made again", () -> world.log().contains("again"));
      try (Readers readers = readers()) {
        readers.awaitReads(50);
      }
      assertEquals(list(), world.agent().ask("list"));
    }
  }

  @Test
  void aKeeperWhoseStateIsLostFindsItsMounts() throws Exception {
    try (World world = new World()) {
      open(world);
      world.killKeeper();
      Files.writeString(world.run.resolve("keeper.json"), "{\"format\": 99}");
      world.startKeeper();
      assertEquals(list(), ask(world, "list"));
      assertTrue(Files.exists(world.run.resolve("keeper.json.unread")));
      assertTrue(world.log().contains("taken on"));
      // Where the blobs are is told again by the next who asks for the view.
      world.agent().ask("overlay", id, "larder:set@1", world.blobs);
      world.agent().kill();
      world.killKeeper();
      world.startKeeper();
      world.startAgent();
      try (Readers readers = readers()) {
        readers.awaitReads(20);
      }
    }
  }

  @Test
  void whatChangedWhileThereWasNoKeeperIsPutRight() throws Exception {
    try (World world = new World()) {
      open(world);
      Path second = world.directory("second");
      world.agent().ask("bind", id, second);
      String loose = world.view(Map.of("loose", "x".getBytes()));
      world.killKeeper();
      Unmount.now(second);
      Path overlays = world.run.resolve("mnt/s");
      Unmount.now(overlays.resolve(loose));
      world.startKeeper();
      assertEquals(list(), ask(world, "list"));
      assertFalse(Files.exists(world.run.resolve("mnt/c").resolve(loose)));
      assertFalse(Files.exists(overlays.resolve(loose)));
      assertEquals(1, world.loops().size());
      // With the folder of blobs replaced, a view is left as it is: complete files go on.
      world.killKeeper();
      world.agent().kill();
      Path moved = world.root.resolve("data/moved");
      Files.move(world.blobs, moved);
      Files.createDirectory(world.blobs);
      world.startKeeper();
      assertTrue(world.log().contains("it is another folder"), world.log());
      assertArrayEquals(here.get(first(here)), Files.readAllBytes(target.resolve(first(here))));
    }
  }

  @Test
  void anAgentThatWaitsForAnInvalidationCanBeKilled() throws Exception {
    try (World world = new World()) {
      Process keeper = world.startKeeper();
      world.startAgent();
      Map<String, byte[]> files = World.files(3, "f", 1, 100_000);
      byte[] bytes = files.values().iterator().next();
      World.store(world.remote, files);
      String id = world.view(files);
      Path target = world.directory("target");
      world.agent().ask("bind", id, target);
      Path file = target.resolve(files.keySet().iterator().next());
      assertArrayEquals(bytes, Files.readAllBytes(file));
      long reads = Long.parseLong(world.agent().ask("reads"));
      assertArrayEquals(bytes, Files.readAllBytes(file));
      assertEquals(reads, Long.parseLong(world.agent().ask("reads")), "kept by the kernel");
      String key = World.key(bytes).toString();
      assertEquals("true", world.agent().ask("invalidate", key));
      Path stuck = Files.createFile(world.remote.resolve("stuck"));
      Path copy = world.root.resolve("copy");
      Process reader =
          world.watch(
              new ProcessBuilder("cat", file.toString()).redirectOutput(copy.toFile()).start());
      Waiting.until("the reader waits", () -> world.agent().ask("stats").contains("slotsInUse=1"));

      World.Agent waiting = world.agent();
      Thread asking =
          Thread.ofPlatform()
              .daemon()
              .start(() -> {
                try {
                  String unused = waiting.tell("invalidate", key);
                } catch (IOException e) {
                  // It is killed.
                }
              });
      Waiting.until("the keeper waits", () -> isStuck(keeper, "keeper-invalid"));
      long before = System.nanoTime();
      waiting.kill();
      assertTrue(System.nanoTime() - before < 5_000_000_000L, "the agent died at once");
      asking.join();
      Files.delete(stuck);
      world.startAgent();
      assertEquals(0, reader.waitFor());
      assertArrayEquals(bytes, Files.readAllBytes(copy));
      Waiting.until("the keeper goes on", () -> !isStuck(keeper, "keeper-invalid"));
    }
  }

  /** Whether a thread of a process waits in the kernel in a way that no signal ends. */
  private static boolean isStuck(Process process, String thread) throws IOException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc/" + process.pid() + "/task"))) {
      for (Path task : (Iterable<Path>) tasks::iterator) {
        String status = Files.readString(task.resolve("status"));
        if (status.startsWith("Name:\t" + thread) && status.contains("State:\tD")) {
          return true;
        }
      }
    }
    return false;
  }
}
