package dev.larder.keeper;

import dev.larder.fuse.Backings;
import dev.larder.fuse.Layout;
import dev.larder.keeper.wire.Answer;
import dev.larder.keeper.wire.MountedView;
import dev.larder.keeper.wire.ProtocolException;
import dev.larder.keeper.wire.Request;
import dev.larder.keeper.wire.Role;
import dev.larder.keeper.wire.Wire;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.FuseDevice;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Message;
import dev.larder.linux.SeqPacketSocket;
import dev.larder.linux.SharedMemory;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Asks the keeper, over one connection. When the keeper ends, so does this: {@link #ended}; another
 * one is made with {@link #connect}.
 *
 * <p><b>Threads:</b> any; calls wait for the keeper, {@link #CALL_SECONDS} at most. <b>Errors:</b>
 * LarderException: MOUNT_FAILED with the kernel's words, MOUNT_BUSY, BAD_REQUEST for a target,
 * UNKNOWN_MOUNT, UNSUPPORTED, CLOSED when the keeper is gone, DEADLINE when it does not answer.
 */
public final class KeeperClient implements Backings, AutoCloseable {
  /** Longer than the keeper takes for anything. */
  public static final int CALL_SECONDS = 20;

  private static final int SEND_MILLIS = 5_000;

  private final SeqPacketSocket socket;
  private final AtomicInteger ids = new AtomicInteger();
  private final Map<Integer, CompletableFuture<Reply>> waiting = new ConcurrentHashMap<>();
  private final CompletableFuture<Void> end = new CompletableFuture<>();

  /** An answer and the descriptors that came with it. */
  private record Reply(Answer answer, Message message) implements AutoCloseable {
    @Override
    public void close() {
      message.close();
    }
  }

  /** What an agent is told when it comes. */
  public sealed interface Attachment {
    /**
     * Serve this. Both are the caller's, and stay valid when the keeper ends.
     *
     * @param device mounted, INIT answered; shared with the keeper
     * @param memory laid out as {@link dev.larder.fuse.SharedState}
     */
    record Attached(FuseDevice device, SharedMemory memory) implements Attachment {}

    /**
     * The keeper is new and an agent has the descriptors already. Is it this one, it goes on
     * serving and gives them back by {@link KeeperClient#restore}; else it tries again after a
     * moment.
     */
    record RestoreWanted() implements Attachment {}

    /** Another agent is alive; try again after a moment. */
    record Occupied(String who) implements Attachment {}
  }

  private KeeperClient(SeqPacketSocket socket) {
    this.socket = socket;
    Thread reader = new Thread(this::receive, "keeper-answers");
    reader.setDaemon(true);
    reader.start();
  }

  /** Where a keeper listens. */
  static Path socket(Path runDirectory) {
    return runDirectory.resolve("keeper.sock");
  }

  /**
   * Connects; the next call has to be {@link #attach} or {@link #command}.
   *
   * @return empty when no keeper listens there
   */
  public static Optional<KeeperClient> connect(Path runDirectory) {
    try {
      return Optional.of(new KeeperClient(SeqPacketSocket.connect(socket(runDirectory))));
    } catch (LinuxException e) {
      return switch (e.errno()) {
        case Errno.ENOENT, Errno.ECONNREFUSED, Errno.EAGAIN -> Optional.empty();
        case Errno.EACCES, Errno.EPERM ->
            throw new LarderException(
                ErrorCode.UNSUPPORTED, "the keeper is another user's: " + e.getMessage(), e);
        default ->
            throw new LarderException(
                ErrorCode.INTERNAL, "the keeper cannot be reached: " + e.getMessage(), e);
      };
    }
  }

  /**
   * Presents this process as the agent. When the connection to the keeper ends ({@link #ended}) the
   * agent goes on serving, connects again and calls this again: it is told to {@link #restore}, or
   * is given a new FUSE connection in place of one that died.
   */
  public Attachment attach() {
    try (Reply reply = ask(hello(Role.AGENT), List.of())) {
      return switch (reply.answer()) {
        case Answer.Welcome(int _, boolean restoreWanted) when restoreWanted ->
            new Attachment.RestoreWanted();
        case Answer.Welcome _ -> attached(reply.message());
        case Answer.Failed(int errno, String message) when errno == Errno.EBUSY ->
            new Attachment.Occupied(message);
        case Answer other -> throw fault("HELLO", other);
      };
    } catch (LinuxException e) {
      throw new LarderException(ErrorCode.INTERNAL, "HELLO: " + e.getMessage(), e);
    }
  }

  private static Request hello(Role role) {
    return new Request.Hello(role, ProcessHandle.current().pid(), Layout.VERSION);
  }

  private static Attachment attached(Message message) throws LinuxException {
    FuseDevice device = FuseDevice.adopt(message.take());
    try {
      return new Attachment.Attached(device, SharedMemory.attach(message.take()));
    } catch (LinuxException | RuntimeException e) {
      device.close();
      throw e;
    }
  }

  /**
   * Presents this process as one that looks at mounts and takes them away.
   *
   * @return the keeper's process
   */
  public long command() {
    try (Reply reply = ask(hello(Role.CLI), List.of())) {
      if (reply.answer() instanceof Answer.Welcome(int keeperPid, boolean _)) {
        return keeperPid;
      }
      throw fault("HELLO", reply.answer());
    }
  }

  /** Gives a new keeper what the former one owned; both stay this process's too. */
  public void restore(FuseDevice device, SharedMemory memory) {
    done("RESTORE", new Request.Restore(), List.of(device.fd(), memory.fd()));
  }

  /**
   * Mounts an image, unless it is.
   *
   * @param id 32 lower-case hex digits
   * @param image open for reading
   */
  public void catalog(String id, Fd image) {
    done("CATALOG", new Request.Catalog(id), List.of(image));
  }

  /**
   * Mounts the overlay of an image over the blobs, unless it is.
   *
   * @param label shown as the mount's source, at most 200 bytes
   * @param blobs the store's folder of sealed files
   */
  public void overlay(String id, String label, Fd blobs, boolean noExec) {
    done("OVERLAY", new Request.Overlay(id, label, noExec), List.of(blobs));
  }

  /** Shows an overlay at a directory; done already is fine. */
  public void bind(String id, Path target) {
    done("BIND", new Request.Bind(id, target.toString()), List.of());
  }

  /**
   * Shows a directory of an overlay at a directory; done already is fine.
   *
   * @param part from the overlay's root, without a leading slash
   */
  public void bind(String id, Path target, String part) {
    done("BIND", new Request.BindPart(id, target.toString(), part), List.of());
  }

  /** Makes a directory a file system of its own with a directory {@code current}. */
  public void anchor(Path target) {
    done("ANCHOR", new Request.Anchor(target.toString()), List.of());
  }

  /** Takes away what is mounted at a directory and answers nothing any more; none is fine. */
  public void detachDead(Path target) {
    done("DETACH", new Request.DetachDead(target.toString()), List.of());
  }

  /** Shows another overlay at a directory; open files keep the former one. */
  public void exchange(Path target, String from, String to) {
    done("SWITCH", new Request.Switch(target.toString(), from, to), List.of());
  }

  /** Drops what an overlay's inodes pin: evicted files are freed, filled ones read natively. */
  public void remount(String id) {
    done("REMOUNT", new Request.Remount(id), List.of());
  }

  /**
   * Takes away what is shown at a directory.
   *
   * @param lazy also while files are open, which go on
   * @param force as lazy, and whatever holds it up is aborted
   */
  public void detach(Path target, boolean lazy, boolean force) {
    done("DETACH", new Request.DetachTarget(target.toString(), lazy, force), List.of());
  }

  /** Takes an overlay away with all that shows it, and its image's mount. */
  public void detach(String id, boolean lazy, boolean force) {
    done("DETACH", new Request.DetachId(id, lazy, force), List.of());
  }

  /** What is shown where, by the kernel's own list. */
  public List<MountedView> mounts() {
    return mounts(CALL_SECONDS);
  }

  /**
   * What is shown where, by the kernel's own list.
   *
   * @param secondsMax how long to wait for each part of the list
   */
  public List<MountedView> mounts(int secondsMax) {
    List<MountedView> all = new ArrayList<>();
    int next = 0;
    do {
      try (Reply reply = ask(new Request.ListMounts(next), List.of(), secondsMax)) {
        if (!(reply.answer() instanceof Answer.Mounts(List<MountedView> page, int more))) {
          throw fault("LIST", reply.answer());
        }
        all.addAll(page);
        if (more != 0 && more <= next) {
          throw new LarderException(ErrorCode.INTERNAL, "LIST: it goes round in circles");
        }
        next = more;
      }
    } while (next != 0);
    return all;
  }

  @Override
  public int open(Fd file) throws LinuxException {
    try (Reply reply = ask(new Request.BackingOpen(), List.of(file))) {
      return switch (reply.answer()) {
        case Answer.Backing(int id) -> id;
        case Answer.Failed(int errno, String message) when isKeepers(errno) ->
            throw new LarderException(ErrorCode.CLOSED, "BACKING_OPEN: " + message);
        case Answer.Failed(int errno, String message) ->
            throw new LinuxException("BACKING_OPEN", file.subject(), errno, message);
        case Answer other -> throw fault("BACKING_OPEN", other);
      };
    }
  }

  @Override
  public void close(int id) throws LinuxException {
    try (Reply reply = ask(new Request.BackingClose(id), List.of())) {
      if (reply.answer() instanceof Answer.Failed(int errno, String message)) {
        if (isKeepers(errno)) {
          throw new LarderException(ErrorCode.CLOSED, "BACKING_CLOSE: " + message);
        }
        throw new LinuxException("BACKING_CLOSE", "backing " + id, errno, message);
      }
    }
  }

  @Override
  public boolean invalidate(long nodeId) throws LinuxException {
    try (Reply reply = ask(new Request.Invalidate(nodeId), List.of())) {
      return switch (reply.answer()) {
        case Answer.Invalidated(boolean known) -> known;
        case Answer.Failed(int errno, String message) when isKeepers(errno) ->
            throw new LarderException(ErrorCode.CLOSED, "INVALIDATE: " + message);
        case Answer.Failed(int errno, String message) ->
            throw new LinuxException("INVALIDATE", "node " + nodeId, errno, message);
        case Answer other -> throw fault("INVALIDATE", other);
      };
    }
  }

  /** What the keeper says of itself, where the kernel was not asked: no refusal for good. */
  private static boolean isKeepers(int errno) {
    return errno == Errno.ENOTCONN || errno == Errno.EAGAIN || errno == Errno.EPROTO;
  }

  /**
   * Ends the keeper.
   *
   * @throws LarderException MOUNT_BUSY while anything is mounted
   */
  public void end() {
    done("END", new Request.End(), List.of());
  }

  /** Completes when the connection is gone: the keeper ended, or {@link #close}. */
  public CompletableFuture<Void> ended() {
    return end;
  }

  private void done(String what, Request request, List<Fd> descriptors) {
    try (Reply reply = ask(request, descriptors)) {
      if (reply.answer() instanceof Answer.Failed) {
        throw fault(what, reply.answer());
      }
    }
  }

  private Reply ask(Request request, List<Fd> descriptors) {
    return ask(request, descriptors, CALL_SECONDS);
  }

  private Reply ask(Request request, List<Fd> descriptors, int secondsMax) {
    int id = ids.incrementAndGet();
    CompletableFuture<Reply> reply = new CompletableFuture<>();
    waiting.put(id, reply);
    boolean isTaken = false;
    try {
      send(Wire.encode(id, request), descriptors);
      Reply got = reply.get(secondsMax, TimeUnit.SECONDS);
      isTaken = true;
      return got;
    } catch (LinuxException e) {
      throw e.errno() == Errno.ETIMEDOUT
          ? new LarderException(ErrorCode.DEADLINE, "the keeper takes no requests", e)
          : gone();
    } catch (TimeoutException e) {
      throw new LarderException(
          ErrorCode.DEADLINE, "the keeper did not answer within " + secondsMax + " s", e);
    } catch (ExecutionException e) {
      throw gone();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LarderException(ErrorCode.CANCELLED, "interrupted while waiting for the keeper", e);
    } finally {
      waiting.remove(id);
      if (!isTaken) {
        // An answer that comes all the same is nobody's: its descriptors must not stay open.
        var unused = reply.thenAccept(Reply::close);
      }
    }
  }

  private synchronized void send(byte[] message, List<Fd> descriptors) throws LinuxException {
    if (end.isDone()) {
      throw gone();
    }
    try {
      socket.send(message, descriptors, SEND_MILLIS);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ETIMEDOUT) {
        // The thread that receives may learn of it later: nobody is to try here again meanwhile.
        socket.shutdown();
        end.complete(null);
      }
      throw e;
    }
  }

  private static LarderException gone() {
    return new LarderException(ErrorCode.CLOSED, "the keeper has ended");
  }

  private void receive() {
    try {
      Message message = socket.receive(Wire.MESSAGE_MAX, -1);
      while (message != null) {
        Answer.Numbered numbered = Answer.decode(message.bytes());
        CompletableFuture<Reply> reply = waiting.remove(numbered.id());
        if (reply == null || !reply.complete(new Reply(numbered.answer(), message))) {
          message.close();
        }
        message = socket.receive(Wire.MESSAGE_MAX, -1);
      }
    } catch (ProtocolException | LinuxException e) {
      // A keeper that is not understood is as good as gone; the caller sees CLOSED.
    } finally {
      hangUp();
    }
  }

  private static LarderException fault(String what, Answer answer) {
    if (!(answer instanceof Answer.Failed(int errno, String message))) {
      return new LarderException(ErrorCode.INTERNAL, what + ": the keeper answered " + answer);
    }
    ErrorCode code =
        switch (errno) {
          case Errno.EBUSY -> ErrorCode.MOUNT_BUSY;
          case Errno.EINVAL, Errno.ENOTDIR, Errno.ELOOP, Errno.ENAMETOOLONG ->
              ErrorCode.BAD_REQUEST;
          case Errno.ENOENT -> ErrorCode.UNKNOWN_MOUNT;
          case Errno.EEXIST -> ErrorCode.ALREADY_EXISTS;
          case Errno.ETIMEDOUT -> ErrorCode.DEADLINE;
          case Errno.ENODEV, Errno.EOPNOTSUPP, Errno.ENOSYS, Errno.EPERM, Errno.EPROTO ->
              ErrorCode.UNSUPPORTED;
          case Errno.ENFILE -> ErrorCode.TOO_MANY;
          default -> ErrorCode.MOUNT_FAILED;
        };
    return new LarderException(code, what + ": " + message);
  }

  private void hangUp() {
    synchronized (this) {
      end.complete(null);
      socket.close();
    }
    waiting.values().forEach(reply -> reply.completeExceptionally(gone()));
  }

  /** Closes the connection; the keeper takes an agent for gone only when its process has ended. */
  @Override
  public synchronized void close() {
    if (!end.isDone()) {
      // The thread that receives wakes up, closes the descriptor and ends.
      socket.shutdown();
    }
  }
}
