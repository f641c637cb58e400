package dev.larder.mount.tree;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.byref.PointerByReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Threads that take the kernel's requests and answer them. One more is started whenever none is
 * left to listen, up to the bound; those that are too many end.
 */
final class TreeLoop {
  /*
   * Platform threads, as each stands in a native frame while it works. They are daemons: one that
   * waits for a request of a mount that cannot be ended must not keep the process alive.
   */
  private static final Logger log = LoggerFactory.getLogger(TreeLoop.class);
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final int IDLE_MAX = 8;

  /** Of libfuse: a receive that is to be tried again. */
  private static final int EINTR = 4;

  private static final int EAGAIN = 11;

  private final LibFuse lib;
  private final Pointer session;
  private final Pointer channel;
  private final int threadsMax;
  private final Runnable onEnd;
  private final AtomicInteger live = new AtomicInteger();
  private final AtomicInteger listening = new AtomicInteger();
  private final AtomicBoolean isOver = new AtomicBoolean();
  private final CountDownLatch ended = new CountDownLatch(1);

  /** {@code onEnd} is called on the last thread, when none uses session or channel any more. */
  TreeLoop(LibFuse lib, Pointer session, Pointer channel, int threadsMax, Runnable onEnd) {
    this.lib = lib;
    this.session = session;
    this.channel = channel;
    this.threadsMax = threadsMax;
    this.onEnd = onEnd;
  }

  void start() {
    startOne();
  }

  /** Whether the kernel has ended the mount and no thread is left. */
  boolean awaitEnd(long nanos) throws InterruptedException {
    return ended.await(nanos, TimeUnit.NANOSECONDS);
  }

  boolean isEnded() {
    return ended.getCount() == 0;
  }

  private void startOne() {
    if (live.incrementAndGet() > threadsMax) {
      live.decrementAndGet();
      return;
    }
    Thread.ofPlatform().daemon().name("tree-" + NUMBER.incrementAndGet()).start(this::work);
  }

  private void work() {
    try {
      serve();
    } catch (RuntimeException | Error e) {
      log.error("a thread of a tree mount failed", e);
      lib.fuse_session_exit(session);
      isOver.set(true);
    } finally {
      // A thread that left because it was one too many leaves others behind.
      if (live.decrementAndGet() == 0 && isOver.get()) {
        onEnd.run();
        ended.countDown();
      }
    }
  }

  private void serve() {
    int size = Math.toIntExact(lib.fuse_chan_bufsize(channel));
    Pointer buffer = Memory.allocateDirect(Runtime.getSystemRuntime(), size);
    PointerByReference reference = new PointerByReference(channel);
    while (lib.fuse_session_exited(session) == 0) {
      if (listening.incrementAndGet() > IDLE_MAX) {
        listening.decrementAndGet();
        return;
      }
      int length = lib.fuse_chan_recv(reference, buffer, size);
      if (listening.decrementAndGet() == 0 && length > 0) {
        startOne();
      }
      if (length == -EINTR || length == -EAGAIN) {
        continue;
      }
      if (length <= 0) {
        lib.fuse_session_exit(session);
        break;
      }
      lib.fuse_session_process(session, buffer, length, channel);
    }
    isOver.set(true);
  }
}
