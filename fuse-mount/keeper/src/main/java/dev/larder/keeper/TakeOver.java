package dev.larder.keeper;

import dev.larder.fuse.Layout;
import dev.larder.keeper.wire.Answer;
import dev.larder.keeper.wire.ProtocolException;
import dev.larder.keeper.wire.Request;
import dev.larder.keeper.wire.Role;
import dev.larder.keeper.wire.Wire;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Message;
import dev.larder.linux.PidFd;
import dev.larder.linux.SeqPacketSocket;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The successor's side of a take-over. */
final class TakeOver {
  private static final int ANSWER_MILLIS = 15_000;
  private static final int END_MILLIS = 10_000;

  private TakeOver() {}

  /**
   * What was taken.
   *
   * @param lock of the run directory
   */
  record Taken(Keeper.Inheritance inheritance, FileChannel lock) {}

  /**
   * Takes what a running keeper has, and waits for its end; nothing but the lock when none runs.
   * Until the former one ends nothing of it has changed, so it goes on if this fails.
   */
  static Taken from(Places places) throws IOException {
    try (SeqPacketSocket socket = SeqPacketSocket.connect(places.socket());
        PidFd former = socket.peerProcess()) {
      long self = ProcessHandle.current().pid();
      ask(socket, 1, new Request.Hello(Role.SUCCESSOR, self, Layout.VERSION)).close();
      Keeper.Inheritance inheritance;
      try (Message message = ask(socket, 2, new Request.TakeOver())) {
        inheritance = inheritance(message);
      }
      FileChannel lock = end(socket, places, former.pid());
      if (!former.awaitEnd(END_MILLIS)) {
        throw new LinuxException(
            "take over", former.fd().subject(), Errno.ETIMEDOUT, "it does not end");
      }
      return new Taken(inheritance, lock);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ECONNREFUSED) {
        Log.info("no keeper to take over from");
        return new Taken(Keeper.Inheritance.NONE, Keeper.lock(places));
      }
      throw e;
    }
  }

  private static FileChannel end(SeqPacketSocket socket, Places places, long former)
      throws IOException {
    PidFile file = new PidFile(places.pid());
    // Before the former one ends: systemd then reads there that the service goes on elsewhere.
    file.write(ProcessHandle.current().pid());
    try {
      ask(socket, 3, new Request.End()).close();
      // At once: whoever misses the former keeper now starts another one, and that must be late.
      return Keeper.lock(places);
    } catch (IOException e) {
      file.write(former);
      throw e;
    }
  }

  private static Keeper.Inheritance inheritance(Message message) throws IOException {
    int agentPid = ((Answer.State) Answer.decode(message.bytes()).answer()).agentPid();
    if (message.descriptors() == 0) {
      return Keeper.Inheritance.NONE;
    }
    FuseConnection connection = FuseConnection.adopt(message);
    @Nullable Fd agent = message.descriptors() > 0 ? message.take() : null;
    return new Keeper.Inheritance(connection, agent == null ? null : PidFd.adopt(agent, agentPid));
  }

  private static Message ask(SeqPacketSocket socket, int id, Request request) throws IOException {
    socket.send(Wire.encode(id, request), List.of(), ANSWER_MILLIS);
    Message message = socket.receive(Wire.MESSAGE_MAX, ANSWER_MILLIS);
    if (message == null) {
      throw new LinuxException("take over", request.toString(), Errno.ECONNRESET);
    }
    try {
      Answer.Numbered numbered = Answer.decode(message.bytes());
      if (numbered.answer() instanceof Answer.Failed(int errno, String why)) {
        throw new LinuxException("take over", request.toString(), errno, why);
      }
      if (numbered.id() != id
          || (request instanceof Request.TakeOver
              && !(numbered.answer() instanceof Answer.State))) {
        throw new ProtocolException(id, "the keeper answered " + numbered);
      }
      return message;
    } catch (IOException e) {
      message.close();
      throw e;
    }
  }
}
