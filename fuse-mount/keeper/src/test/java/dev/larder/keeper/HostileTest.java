package dev.larder.keeper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.larder.keeper.wire.Answer;
import dev.larder.keeper.wire.Request;
import dev.larder.keeper.wire.Role;
import dev.larder.keeper.wire.Wire;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Message;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.testkit.Needs;
import dev.larder.testkit.Seeds;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Messages no friend would send, to a keeper that has to go on. */
class HostileTest {
  private static final int WAIT = 20_000;

  private static Answer ask(SeqPacketSocket socket, Request request, Fd... descriptors)
      throws Exception {
    socket.send(Wire.encode(7, request), List.of(descriptors), WAIT);
    try (Message message = socket.receive(Wire.MESSAGE_MAX, WAIT)) {
      assertNotNull(message, "the keeper hung up");
      Answer.Numbered numbered = Answer.decode(message.bytes());
      assertEquals(7, numbered.id());
      return numbered.answer();
    }
  }

  private static int errno(Answer answer) {
    return assertInstanceOf(Answer.Failed.class, answer).errno();
  }

  private static SeqPacketSocket connect(World world) throws Exception {
    return SeqPacketSocket.connect(world.run.resolve("keeper.sock"));
  }

  private static long descriptors(Process process) throws Exception {
    try (Stream<Path> all = Files.list(Path.of("/proc/" + process.pid() + "/fd"))) {
      return all.count();
    }
  }

  private static void assertWorks(World world) throws Exception {
    byte[] bytes = "content".getBytes(StandardCharsets.UTF_8);
    World.store(world.remote, Map.of("f", bytes));
    Path target = world.directory("works");
    String id = world.view(Map.of("f", bytes));
    world.agent().ask("bind", id, target);
    assertEquals("content", Files.readString(target.resolve("f")));
    world.agent().ask("drop", id, "plain");
  }

  @Test
  void nonsenseEndsItsConnectionAndNothingElse() throws Exception {
    try (World world = new World()) {
      Process keeper = world.startKeeper();
      world.startAgent();
      assertWorks(world);
      long before = descriptors(keeper);
      Seeds.run(random -> {
        for (int i = 0; i < 300; i++) {
          try (SeqPacketSocket socket = connect(world);
              Fd fd = Fd.open(world.root, Fd.O_RDONLY)) {
            if (random.nextBoolean()) {
              Answer welcome = ask(socket, new Request.Hello(Role.CLI, 1, 1));
              assertInstanceOf(Answer.Welcome.class, welcome);
            }
            byte[] message = new byte[1 + random.nextInt(64)];
            random.nextBytes(message);
            if (random.nextBoolean()) {
              message = Wire.encode(random.nextInt(), new Request.ListMounts(0));
              message[random.nextInt(message.length)] = (byte) random.nextInt();
            }
            List<Fd> descriptors = random.nextBoolean() ? List.of() : List.of(fd, fd, fd);
            socket.send(message, descriptors, WAIT);
            // An answer or an end, and never silence.
            try (Message answer = socket.receive(Wire.MESSAGE_MAX, WAIT)) {
              if (answer != null) {
                assertNotNull(Answer.decode(answer.bytes()));
              }
            } catch (LinuxException e) {
              assertEquals(Errno.ECONNRESET, e.errno());
            }
          }
        }
      });
      assertTrue(keeper.isAlive());
      assertWorks(world);
      Waiting.until("descriptors are closed", () -> descriptors(keeper) <= before);
    }
  }

  @Test
  void tooLongAndTooManyAreRefused() throws Exception {
    try (World world = new World("keeper.connections-max=4")) {
      Process keeper = world.startKeeper();
      world.startAgent();
      try (SeqPacketSocket socket = connect(world)) {
        socket.send(new byte[Wire.MESSAGE_MAX + 1], List.of(), WAIT);
        assertNull(socket.receive(Wire.MESSAGE_MAX, WAIT));
      }
      List<SeqPacketSocket> sockets = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        sockets.add(connect(world));
      }
      Waiting.until(
          "some are closed at once", () -> world.log().contains("keeper.connections-max"));
      sockets.forEach(SeqPacketSocket::close);
      assertTrue(keeper.isAlive());
      assertWorks(world);
    }
  }

  @Test
  void rolesMayAskTheirOwnOnly() throws Exception {
    try (World world = new World()) {
      world.startKeeper();
      String id = "0".repeat(32);
      List<Request> agents =
          List.of(
              new Request.Catalog(id),
              new Request.Overlay(id, "larder:x@1", false),
              new Request.Bind(id, "/x"),
              new Request.BindPart(id, "/x", "y"),
              new Request.Anchor("/x"),
              new Request.DetachDead("/x"),
              new Request.Switch("/x", id, id),
              new Request.Remount(id),
              new Request.BackingOpen(),
              new Request.BackingClose(1),
              new Request.Invalidate(1),
              new Request.Restore());
      try (SeqPacketSocket socket = connect(world)) {
        for (Request request : agents) {
          assertEquals(Errno.EPERM, errno(ask(socket, request)));
        }
        assertEquals(Errno.EPERM, errno(ask(socket, new Request.End())));
        assertEquals(Errno.EPERM, errno(ask(socket, new Request.ListMounts(0))));
        assertInstanceOf(Answer.Welcome.class, ask(socket, new Request.Hello(Role.CLI, 1, 1)));
        for (Request request : agents) {
          assertEquals(Errno.EPERM, errno(ask(socket, request)));
        }
        assertEquals(Errno.EPERM, errno(ask(socket, new Request.TakeOver())));
        assertEquals(Errno.EPERM, errno(ask(socket, new Request.Hello(Role.AGENT, 1, 1))));
      }
      world.startAgent();
      assertWorks(world);
    }
  }

  @Test
  void missingAndWrongDescriptorsAreRefused() throws Exception {
    try (World world = new World();
        Fd directory = Fd.open(world.root, Fd.O_RDONLY)) {
      Process keeper = world.startKeeper();
      String id = "0".repeat(32);
      Path junk = Files.write(world.root.resolve("junk"), new byte[8192]);
      try (SeqPacketSocket socket = connect(world);
          Fd file = Fd.open(junk, Fd.O_RDONLY)) {
        assertInstanceOf(Answer.Welcome.class, ask(socket, new Request.Hello(Role.AGENT, 1, 1)));
        assertEquals(Errno.EPROTO, errno(ask(socket, new Request.Catalog(id))));
        assertEquals(Errno.EPROTO, errno(ask(socket, new Request.BackingOpen())));
        assertEquals(
            Errno.EPROTO, errno(ask(socket, new Request.Overlay(id, "larder:x@1", false))));
        assertEquals(Errno.EINVAL, errno(ask(socket, new Request.Catalog(id), file)));
        assertTrue(errno(ask(socket, new Request.Catalog(id), directory)) > 0);
        assertTrue(errno(ask(socket, new Request.BackingOpen(), directory)) > 0);
        assertEquals(
            Errno.ENOTDIR, errno(ask(socket, new Request.Overlay(id, "larder:x@1", false), file)));
        assertEquals(
            Errno.EINVAL, errno(ask(socket, new Request.Overlay(id, "x", false), directory)));
        assertEquals(Errno.EEXIST, errno(ask(socket, new Request.Restore(), file, file)));
        assertEquals(Errno.ENOENT, errno(ask(socket, new Request.BackingClose(12345))));
        assertEquals(new Answer.Invalidated(false), ask(socket, new Request.Invalidate(1L << 40)));
      }
      assertTrue(keeper.isAlive());
      Waiting.until("loop devices are gone", () -> world.loops().isEmpty());
    }
  }

  @Test
  void anotherUserIsRefused() throws Exception {
    Needs.program("setpriv", "install util-linux");
    Needs.program("perl", "install perl-base");
    try (World world = new World()) {
      Process keeper = world.startKeeper();
      // As if somebody had opened the doors; the socket's own mode keeps them out before.
      for (Path path = world.run.resolve("keeper.sock");
          !path.equals(world.root.getParent());
          path = path.getParent()) {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxrwxrwx"));
      }
      Process stranger =
          world.watch(
              new ProcessBuilder(
                      "setpriv",
                      "--reuid=65534",
                      "--regid=65534",
                      "--clear-groups",
                      "/usr/bin/perl",
                      "-MSocket",
                      "-e",
                      """
                      socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die $!;
                      connect($s, sockaddr_un($ARGV[0])) or die $!;
                      send($s, pack("H*", $ARGV[1]), 0) or die $!;
                      for (1, 2) {
                        my $m = "";
                        recv($s, $m, 8192, 0);
                        print unpack("H*", $m), "\n";
                      }
                      """,
                      world.run.resolve("keeper.sock").toString(),
                      java.util.HexFormat.of()
                          .formatHex(Wire.encode(7, new Request.Hello(Role.CLI, 1, 1))))
                  .redirectError(ProcessBuilder.Redirect.INHERIT)
                  .start());
      String[] said =
          new String(stranger.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\n");
      assertTrue(stranger.waitFor(20, TimeUnit.SECONDS));
      Answer.Numbered answer = Answer.decode(java.util.HexFormat.of().parseHex(said[0].strip()));
      assertEquals(Errno.EPERM, errno(answer.answer()));
      assertEquals(1, said.length, "the connection is closed");
      assertTrue(world.log().contains("of user 65534"));
      assertTrue(keeper.isAlive());
    }
  }
}
