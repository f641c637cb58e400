package dev.larder.fuse;

import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import java.util.function.Consumer;

/** A thread that reads requests into slots and answers what it can at once. */
final class Reader implements Runnable {
  private static final int RETRY_MILLIS = 100;

  private final Fd device;
  private final Slots slots;
  private final FreeSlots freeSlots;
  private final Dispatcher dispatcher;
  private final ReplyBuffer reply;
  private final Consumer<FuseServer.End> onEnd;
  private final Consumer<Throwable> onFatal;
  private final Request request;
  private volatile boolean isStopping;
  private volatile boolean isBusy;

  Reader(
      Fd device,
      Slots slots,
      FreeSlots freeSlots,
      Dispatcher dispatcher,
      ReplyBuffer reply,
      Consumer<FuseServer.End> onEnd,
      Consumer<Throwable> onFatal) {
    this.device = device;
    this.slots = slots;
    this.freeSlots = freeSlots;
    this.dispatcher = dispatcher;
    this.reply = reply;
    this.onEnd = onEnd;
    this.onFatal = onFatal;
    this.request = new Request(slots);
  }

  /** What it reads from now on stays in its slot, unanswered. */
  void stop() {
    isStopping = true;
  }

  /** Whether it is answering a request. */
  boolean isBusy() {
    return isBusy;
  }

  @Override
  public void run() {
    try {
      int slot = freeSlots.take();
      while (slot >= 0 && !isStopping) {
        slots.prepare(slot);
        long result = device.read(slots.memory(), slots.requestAt(slot), Layout.REQUEST_BYTES);
        if (result > 0) {
          slot = serve(slot, (int) result);
        } else if (isEnd((int) -result)) {
          break;
        }
      }
    } catch (Throwable e) {
      // The request is still in its slot: the next agent answers it.
      onFatal.accept(e);
    }
  }

  /** Answers a request; gives the slot to read into next, or -1. */
  private int serve(int slot, int length) {
    isBusy = true;
    try {
      if (isStopping) {
        return -1;
      }
      request.load(slot, length);
      return dispatcher.dispatch(request, reply) ? slot : freeSlots.take();
    } finally {
      isBusy = false;
    }
  }

  private boolean isEnd(int errno) {
    switch (errno) {
      // Interrupted, or the request was taken back before we got it.
      case Errno.EINTR, Errno.ENOENT -> {
        return false;
      }
      case Errno.EAGAIN -> {
        return waitsInVain();
      }
      case Errno.ENODEV -> onEnd.accept(FuseServer.End.UNMOUNTED);
      case Errno.ECONNABORTED -> onEnd.accept(FuseServer.End.ABORTED);
      default -> onEnd.accept(FuseServer.End.FAILED);
    }
    return true;
  }

  /** Somebody made the descriptor one that does not wait; so we do. */
  private boolean waitsInVain() {
    try {
      boolean unused = device.awaitReadable(RETRY_MILLIS);
      return false;
    } catch (java.io.IOException e) {
      onEnd.accept(FuseServer.End.FAILED);
      return true;
    }
  }
}
