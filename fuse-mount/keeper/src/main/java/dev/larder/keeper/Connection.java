package dev.larder.keeper;

import dev.larder.fuse.Invalidation;
import dev.larder.keeper.wire.Answer;
import dev.larder.keeper.wire.ProtocolException;
import dev.larder.keeper.wire.Request;
import dev.larder.keeper.wire.Role;
import dev.larder.keeper.wire.Wire;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.Message;
import dev.larder.linux.PeerCredentials;
import dev.larder.linux.Processes;
import dev.larder.linux.SeqPacketServer;
import dev.larder.linux.SeqPacketSocket;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Somebody who asks. Its thread reads requests and does what is quick; changes of mounts are done
 * by an executor, so that a slow one holds up no BACKING_OPEN; invalidations and the dropping of
 * names each by one of their own, as they may wait for reads.
 */
final class Connection implements Runnable {
  private static final int SEND_MILLIS = 5_000;

  private final SeqPacketSocket socket;
  private final Keeper keeper;
  private final SeqPacketServer server;
  private final Executor changes;
  private final Executor invalidations;
  private final Executor drops;
  private @Nullable Role role;
  private boolean isClosed;
  private final AtomicInteger unanswered = new AtomicInteger();
  private volatile boolean isExpired;

  Connection(
      SeqPacketSocket socket,
      Keeper keeper,
      SeqPacketServer server,
      Executor changes,
      Executor invalidations,
      Executor drops) {
    this.socket = socket;
    this.keeper = keeper;
    this.server = server;
    this.changes = changes;
    this.invalidations = invalidations;
    this.drops = drops;
  }

  @Override
  public void run() {
    try {
      boolean isAllowed = isAllowed(socket.peer());
      Message message = socket.receive(Wire.MESSAGE_MAX, -1);
      while (message != null && receive(message, isAllowed)) {
        message = socket.receive(Wire.MESSAGE_MAX, -1);
      }
    } catch (LinuxException e) {
      // ECONNRESET is how a killed process says goodbye.
      if (e.errno() != Errno.ECONNRESET) {
        Log.warn("a connection ends: " + e.getMessage());
      }
    } finally {
      hangUp();
    }
  }

  private static boolean isAllowed(PeerCredentials peer) {
    boolean isAllowed = peer.uid() == 0 || peer.uid() == Processes.effectiveUser();
    if (!isAllowed) {
      Log.warn("refused process " + peer.pid() + " of user " + peer.uid());
    }
    return isAllowed;
  }

  /** Returns whether to go on. */
  private boolean receive(Message message, boolean isAllowed) {
    Wire.Numbered numbered;
    try {
      numbered = Wire.decode(message.bytes());
    } catch (ProtocolException e) {
      message.close();
      Log.warn("a message is not understood: " + e.getMessage());
      String said = String.valueOf(e.getMessage());
      boolean unused = answer(e.requestId(), new Answer.Failed(Errno.EPROTO, said), List.of());
      return false;
    }
    if (!isAllowed) {
      message.close();
      refuse(numbered, Errno.EPERM, "another user's keeper");
      return false;
    }
    if (!mayAsk(numbered.request())) {
      message.close();
      String who = role == null ? "whoever said no HELLO" : "a " + role;
      refuse(numbered, Errno.EPERM, who + " may not ask it");
      return true;
    }
    unanswered.incrementAndGet();
    if (isChange(numbered.request())) {
      defer(numbered, message, changes);
    } else if (numbered.request() instanceof Request.Invalidate) {
      defer(numbered, message, invalidations);
    } else if (numbered.request() instanceof Request.DropNames) {
      defer(numbered, message, drops);
    } else {
      serve(numbered, message);
    }
    return true;
  }

  private void refuse(Wire.Numbered numbered, int errno, String why) {
    boolean unused = answer(numbered.id(), new Answer.Failed(errno, why), List.of());
  }

  private boolean mayAsk(Request request) {
    return switch (request) {
      case Request.Hello _ -> true;
      case Request.ListMounts _, Request.DetachTarget _, Request.DetachId _, Request.End _ ->
          role != null;
      case Request.TakeOver _ -> role == Role.SUCCESSOR;
      case Request.Catalog _,
          Request.Overlay _,
          Request.Bind _,
          Request.BindPart _,
          Request.Anchor _,
          Request.DetachDead _,
          Request.Switch _,
          Request.Remount _,
          Request.BackingOpen _,
          Request.BackingClose _,
          Request.Invalidate _,
          Request.DropNames _,
          Request.Restore _ ->
          role == Role.AGENT;
    };
  }

  private static boolean isChange(Request request) {
    return switch (request) {
      case Request.Catalog _,
          Request.Overlay _,
          Request.Bind _,
          Request.BindPart _,
          Request.Anchor _,
          Request.DetachDead _,
          Request.Switch _,
          Request.Remount _,
          Request.DetachTarget _,
          Request.DetachId _ ->
          true;
      default -> false;
    };
  }

  private void defer(Wire.Numbered numbered, Message message, Executor executor) {
    try {
      executor.execute(() -> serve(numbered, message));
    } catch (RejectedExecutionException e) {
      message.close();
      refuse(numbered, Errno.EAGAIN, "too many requests at once");
      unanswered.decrementAndGet();
    }
  }

  private void serve(Wire.Numbered numbered, Message message) {
    try (Gate.Pass pass = keeper.gate().enter(numbered.request())) {
      if (pass == null) {
        // Not done, and so not answered: whoever asks turns to the next keeper.
        message.close();
        shutDown();
        return;
      }
      serveInside(numbered, message);
    } finally {
      if (unanswered.decrementAndGet() == 0 && isExpired) {
        shutDown();
      }
    }
    if (numbered.request() instanceof Request.End && keeper.isEnding()) {
      System.exit(0);
    }
  }

  private void serveInside(Wire.Numbered numbered, Message message) {
    List<Fd> descriptors = new ArrayList<>();
    Answer answer;
    try (message) {
      answer = serve(numbered.request(), message, descriptors);
    } catch (LinuxException e) {
      answer = new Answer.Failed(e.errno(), String.valueOf(e.getMessage()));
    } catch (IOException e) {
      answer = new Answer.Failed(Errno.EIO, e.toString());
    } catch (RuntimeException e) {
      Log.defect("request " + numbered.request(), e);
      answer = new Answer.Failed(Errno.EIO, "a defect of the keeper: " + e);
    }
    if (answer instanceof Answer.Failed(int _, String why)
        && !(numbered.request() instanceof Request.Hello)) {
      Log.warn("refused " + numbered.request() + ": " + why);
    }
    boolean isTaken = answer(numbered.id(), answer, descriptors);
    if (!isTaken && answer instanceof Answer.Backing(int id)) {
      forget(id);
    }
  }

  /** Nobody knows of the backing, so nobody would ever close it. */
  private void forget(int id) {
    try {
      keeper.device().backingClose(id);
    } catch (LinuxException e) {
      Log.warn("backing " + id + " stays open: " + e.getMessage());
    }
  }

  private Answer serve(Request request, Message message, List<Fd> descriptors) throws IOException {
    Views views = keeper.views();
    switch (request) {
      case Request.Hello(Role wanted, long _, int layout) -> {
        return hello(wanted, layout, descriptors);
      }
      case Request.Catalog(String id) -> {
        try (Fd image = message.take()) {
          views.catalog(id, image);
        }
      }
      case Request.Overlay(String id, String label, boolean noExec) -> {
        try (Fd blobs = message.take()) {
          keeper.replaceIfDead();
          views.overlay(id, label, noExec, blobs);
        }
      }
      case Request.Bind(String id, String target) -> bind(id, target, "");
      case Request.BindPart(String id, String target, String part) -> bind(id, target, part);
      case Request.Anchor(String target) -> keeper.anchors().make(target);
      case Request.DetachDead(String target) -> keeper.anchors().detachDead(target);
      case Request.Switch(String target, String from, String to) ->
          views.exchange(target, from, to);
      case Request.Remount(String id) -> views.remount(id);
      case Request.DetachTarget(String target, boolean lazy, boolean force) ->
          views.detachTarget(target, lazy, force);
      case Request.DetachId(String id, boolean lazy, boolean force) ->
          views.detachId(id, lazy, force);
      case Request.BackingOpen() -> {
        try (Fd file = message.take()) {
          return new Answer.Backing(keeper.device().backingOpen(file));
        }
      }
      case Request.BackingClose(int backing) -> keeper.device().backingClose(backing);
      case Request.Invalidate(long nodeId) -> {
        return new Answer.Invalidated(Invalidation.send(keeper.device().fd(), nodeId));
      }
      case Request.DropNames() -> views.dropNames();
      case Request.ListMounts(int from) -> {
        return Answer.page(views.list(), from);
      }
      case Request.Restore() -> {
        return keeper.restore(socket.peerProcess(), this, message);
      }
      case Request.TakeOver() -> {
        return keeper.takeOver(descriptors);
      }
      case Request.End() -> end();
    }
    return new Answer.Done();
  }

  private void bind(String id, String target, String part) throws IOException {
    // An agent that knows the view to be made asks for this alone.
    keeper.replaceIfDead();
    keeper.views().bind(id, target, part);
  }

  private Answer hello(Role wanted, int layout, List<Fd> descriptors) throws IOException {
    if (role != null && role != wanted) {
      return new Answer.Failed(Errno.EPERM, "this connection is a " + role + "'s");
    }
    role = wanted;
    return wanted == Role.AGENT
        ? keeper.hello(socket.peerProcess(), layout, this, descriptors)
        : new Answer.Welcome((int) ProcessHandle.current().pid(), false);
  }

  private void end() throws IOException {
    if (role == Role.SUCCESSOR) {
      keeper.retire();
      keeper.unlock();
    } else {
      keeper.end(server);
    }
  }

  /** Whether it was sent. */
  private synchronized boolean answer(int id, Answer answer, List<Fd> descriptors) {
    if (isClosed) {
      return false;
    }
    try {
      socket.send(Answer.encode(id, answer), descriptors, SEND_MILLIS);
      return true;
    } catch (LinuxException | IllegalStateException e) {
      // Whoever asked is gone; what was done is in the state.
      Log.warn("an answer is not taken: " + e.getMessage());
      return false;
    }
  }

  /** Hangs up as soon as nothing is to be answered: what HELLO gave is not valid any more. */
  void expire() {
    isExpired = true;
    if (unanswered.get() == 0) {
      shutDown();
    }
  }

  private synchronized void shutDown() {
    if (!isClosed) {
      socket.shutdown();
    }
  }

  /** Not while an answer is on its way: the descriptor's number may be another's at once. */
  private synchronized void hangUp() {
    isClosed = true;
    socket.close();
    keeper.forget(this);
  }
}
