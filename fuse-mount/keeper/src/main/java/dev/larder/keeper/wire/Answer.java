package dev.larder.keeper.wire;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What the keeper says to a request.
 *
 * <p>Descriptors travel beside the bytes: FUSE device and shared memory with {@link Welcome} of an
 * agent and with {@link State}; the latter has a third, the agent's process, if there is one.
 */
public sealed interface Answer {
  /** The request failed. */
  record Failed(int errno, String message) implements Answer {}

  /** The request was done, and there is nothing more to say. */
  record Done() implements Answer {}

  /**
   * To HELLO.
   *
   * @param keeperPid the keeper's process
   * @param restoreWanted whether the descriptors are still with an agent, which is to give them
   *     back by RESTORE; then none come with this
   */
  record Welcome(int keeperPid, boolean restoreWanted) implements Answer {}

  /** To BACKING_OPEN. */
  record Backing(int id) implements Answer {}

  /** To INVALIDATE: whether the kernel knew the inode. */
  record Invalidated(boolean known) implements Answer {}

  /**
   * To LIST.
   *
   * @param next what to leave out when asking for the rest; 0 when this is the end
   */
  record Mounts(List<MountedView> mounts, int next) implements Answer {

    /** Copies the list. */
    public Mounts {
      mounts = List.copyOf(mounts);
    }
  }

  /** To TAKE_OVER; what is mounted stands in {@code keeper.json}. */
  record State(int agentPid) implements Answer {}

  int FAILED = 0x8000;
  int DONE = 0x8001;
  int WELCOME = 0x8002;
  int BACKING = 0x8003;
  int MOUNTS = 0x8004;
  int STATE = 0x8005;
  int INVALIDATED = 0x8006;

  /** Room for the fields around a list. */
  int LIST_MARGIN = 16;

  /** Encodes an answer; a text that is too long is cut, a list must fit. */
  static byte[] encode(int id, Answer answer) {
    return switch (answer) {
      case Failed(int errno, String message) ->
          new Writer(FAILED, id).i32(errno).text(cut(message)).bytes();
      case Done() -> new Writer(DONE, id).i32(0).bytes();
      case Welcome(int pid, boolean restore) ->
          new Writer(WELCOME, id).i32(0).i32(pid).flag(restore).bytes();
      case Backing(int backing) -> new Writer(BACKING, id).i32(0).i32(backing).bytes();
      case Invalidated(boolean known) -> new Writer(INVALIDATED, id).i32(0).flag(known).bytes();
      case Mounts(List<MountedView> mounts, int next) -> {
        Writer out = new Writer(MOUNTS, id).i32(0).i32(next).i32(mounts.size());
        for (MountedView mount : mounts) {
          out.text(mount.id()).text(mount.label()).text(mount.target()).u8(mount.state().code());
        }
        yield out.bytes();
      }
      case State(int agentPid) -> new Writer(STATE, id).i32(0).i32(agentPid).bytes();
    };
  }

  /** As many of the mounts from an index on as one answer holds. */
  static Mounts page(List<MountedView> all, int from) {
    List<MountedView> page = new ArrayList<>();
    int room = Wire.MESSAGE_MAX - Wire.HEADER_BYTES - LIST_MARGIN;
    int at = Math.clamp(from, 0, all.size());
    while (at < all.size()) {
      MountedView mount = all.get(at);
      room -= 7 + bytes(mount.id()) + bytes(mount.label()) + bytes(mount.target());
      if (room < 0) {
        return new Mounts(page, at);
      }
      page.add(mount);
      at++;
    }
    return new Mounts(page, 0);
  }

  /** An answer with the number of its request. */
  record Numbered(int id, Answer answer) {}

  /** Decodes an answer; all of the message has to be one. */
  static Numbered decode(byte[] message) throws ProtocolException {
    Reader in = new Reader(message);
    int errno = in.i32();
    if ((errno != 0) != (in.type() == FAILED)) {
      throw in.fault("errno " + errno + " in an answer of type " + in.type());
    }
    Answer answer =
        switch (in.type()) {
          case FAILED -> new Failed(errno, in.text());
          case DONE -> new Done();
          case WELCOME -> new Welcome(in.i32(), in.flag());
          case BACKING -> new Backing(in.i32());
          case INVALIDATED -> new Invalidated(in.flag());
          case MOUNTS -> mounts(in);
          case STATE -> new State(in.i32());
          default -> throw in.fault("answer " + in.type() + " is not known");
        };
    in.end();
    return new Numbered(in.id(), answer);
  }

  private static Mounts mounts(Reader in) throws ProtocolException {
    int next = in.i32();
    int count = in.i32();
    if (next < 0 || count < 0 || count > Wire.MESSAGE_MAX / 7) {
      throw in.fault("a list of " + count);
    }
    List<MountedView> mounts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      mounts.add(new MountedView(in.text(), in.text(), in.text(), MountedView.State.of(in)));
    }
    return new Mounts(mounts, next);
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static String cut(String text) {
    // Three bytes a char at most.
    int max = (Wire.MESSAGE_MAX - 32) / 3;
    return text.length() <= max ? text : text.substring(0, max);
  }
}
