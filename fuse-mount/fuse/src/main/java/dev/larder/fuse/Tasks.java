package dev.larder.fuse;

import dev.larder.fuse.OpenFiles.OpenFile;
import dev.larder.fuse.frame.EntryReply;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.ReadRequest;
import dev.larder.linux.Errno;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.LarderException;
import java.util.Objects;

/**
 * What workers do: reads whose bytes are not here yet, opens that ask the keeper, look-ups that
 * find no row, and the ends of releases. A task knows its request by heart, as its slot may be
 * another's once it was answered.
 *
 * <p><b>Threads:</b> any.
 */
final class Tasks {
  private static final int OPEN_BYTES = 16;

  private final Slots slots;
  private final FreeSlots freeSlots;
  private final Waits waits;
  private final Workers workers;
  private final ReplyBuffers buffers;
  private final InodeTable table;
  private final NameOps names;
  private final FileOps files;
  private final Replies replies;
  private final Counters counters;
  private final FaultLog faults;
  private final Runnable onWait;
  private volatile boolean isStopping;

  /** {@code onWait} is run whenever a request begins to wait, for who looks after deadlines. */
  Tasks(
      Slots slots,
      FreeSlots freeSlots,
      Waits waits,
      Workers workers,
      ReplyBuffers buffers,
      InodeTable table,
      NameOps names,
      FileOps files,
      Replies replies,
      Counters counters,
      FaultLog faults,
      Runnable onWait) {
    this.slots = slots;
    this.freeSlots = freeSlots;
    this.waits = waits;
    this.workers = workers;
    this.buffers = buffers;
    this.table = table;
    this.names = names;
    this.files = files;
    this.replies = replies;
    this.counters = counters;
    this.faults = faults;
    this.onWait = onWait;
  }

  /**
   * Gives a request to a worker.
   *
   * @return whether it was answered instead, and its slot is free
   */
  boolean handOff(Request request, ReplyBuffer reply) {
    int slot = request.slot();
    long unique = request.unique();
    int row = files.fileRow(request);
    if (request.opcode() == Opcode.RELEASE) {
      workers.execute(() -> finishRelease(slot, row));
      return false;
    }
    Cancel cancel = new Cancel();
    Runnable work;
    if (request.opcode() == Opcode.OPEN) {
      work = () -> open(slot, unique, row, cancel);
    } else if (request.opcode() == Opcode.LOOKUP) {
      BlobKey key = Objects.requireNonNull(names.keyOf(request));
      work = () -> lookup(slot, unique, key, cancel);
    } else {
      long offset = ReadRequest.offset(request.memory(), request.body());
      int length = files.readLength(request, row);
      work = () -> read(slot, unique, row, offset, length, cancel);
    }
    counters.waited.increment();
    if (!waits.begin(slot, unique, cancel)) {
      counters.interrupted.increment();
      replies.error(reply, unique, Errno.EINTR);
      slots.clear(slot);
      return true;
    }
    onWait.run();
    workers.execute(work);
    return false;
  }

  /** The reader of a request gave up: if it waits, that ends now. */
  void interrupt(int slot, long unique, ReplyBuffer reply) {
    if (waits.interrupt(slot, unique)) {
      counters.interrupted.increment();
      replies.error(reply, unique, Errno.EINTR);
      free(slot);
    }
  }

  /** Ends what waits for longer than so. */
  void expire(long nanos, ReplyBuffer reply) {
    for (int slot = 0; slot < slots.count(); slot++) {
      long unique = waits.expire(slot, nanos);
      if (unique != 0) {
        counters.expired.increment();
        faults.warn("request came to its deadline (mount.read-deadline)", unique);
        replies.error(reply, unique, Errno.EIO);
        free(slot);
      }
    }
  }

  /** Ends all waits and leaves their requests to the next agent. */
  void stop() {
    isStopping = true;
    waits.cancelAll();
  }

  private void read(int slot, long unique, int row, long offset, int length, Cancel cancel) {
    if (cancel.isCancelled()) {
      return;
    }
    OpenFile file = null;
    ReplyBuffer buffer = null;
    try {
      file = files.use(row, true);
      if (file == null) {
        throw new IllegalStateException("no blob for row " + row);
      }
      file.blob().await(offset, length, cancel);
      buffer = buffers.take(length, cancel);
      if (buffer != null) {
        int got = file.blob().read(offset, buffer.data(length), cancel);
        int unused = FileOps.checked(got, length, row);
        if (waits.claim(slot, unique)) {
          counters.reads.increment();
          counters.readBytes.add(length);
          replies.body(buffer, unique, length);
          free(slot);
        }
      }
    } catch (RuntimeException | AssertionError e) {
      fail(slot, unique, row, cancel, e);
    } finally {
      if (file != null) {
        file.endUse();
      }
      if (buffer != null) {
        buffers.giveBack(buffer);
      }
    }
  }

  private void open(int slot, long unique, int row, Cancel cancel) {
    ReplyBuffer buffer = null;
    try {
      buffer = buffers.take(OPEN_BYTES, cancel);
      if (buffer != null && openCounted(slot, unique, row)) {
        replies.body(buffer, unique, files.openReply(row, buffer));
        free(slot);
      }
    } catch (RuntimeException | AssertionError e) {
      fail(slot, unique, row, cancel, e);
    } finally {
      if (buffer != null) {
        buffers.giveBack(buffer);
      }
    }
  }

  /** Opens a row and claims the reply; false when nobody wants it any more. */
  private boolean openCounted(int slot, long unique, int row) {
    table.lock(row).lock();
    boolean claimed = false;
    try {
      files.openWaiting(row);
      claimed = !isStopping && waits.claim(slot, unique);
      if (claimed) {
        files.countOpen(row);
        slots.putPhase(slot, 1);
      }
      return claimed;
    } finally {
      if (!claimed) {
        files.abandon(row);
      }
      table.lock(row).unlock();
    }
  }

  private void lookup(int slot, long unique, BlobKey key, Cancel cancel) {
    ReplyBuffer buffer = null;
    int row = -1;
    boolean isTold = false;
    try {
      row = names.await(key, cancel);
      buffer = buffers.take(EntryReply.BYTES, cancel);
      if (buffer != null && !isStopping && waits.claim(slot, unique)) {
        if (row >= 0) {
          isTold = true;
          slots.putPhase(slot, 1);
          replies.body(buffer, unique, names.entry(row, buffer));
        } else {
          if (row == -Errno.ENFILE) {
            counters.tableFull.increment();
          }
          replies.error(buffer, unique, -row);
        }
        free(slot);
      }
    } catch (RuntimeException | AssertionError e) {
      fail(slot, unique, "look-up of " + key, cancel, e);
    } finally {
      if (row >= 0 && !isTold) {
        table.forget(row, 1);
        boolean unused = table.freeIfIdle(row);
      }
      if (buffer != null) {
        buffers.giveBack(buffer);
      }
    }
  }

  private void finishRelease(int slot, int row) {
    files.releaseWaiting(row, slots, slot);
    free(slot);
  }

  /** Answers with a fault, unless another answered or the next agent is to. */
  private void fail(int slot, long unique, int row, Cancel cancel, Throwable e) {
    fail(slot, unique, table.rows().key(row), cancel, e);
  }

  private void fail(int slot, long unique, Object subject, Cancel cancel, Throwable e) {
    if (cancel.isCancelled() || isStopping) {
      return;
    }
    counters.faults.increment();
    int errno = Errno.EIO;
    if (e instanceof LarderException fault) {
      errno = Errnos.of(fault.code());
      faults.fault("request", subject, fault);
    } else {
      faults.defect("request", subject, e);
    }
    ReplyBuffer buffer = buffers.take(0, cancel);
    if (buffer == null) {
      return;
    }
    if (waits.claim(slot, unique)) {
      replies.error(buffer, unique, errno);
      free(slot);
    }
    buffers.giveBack(buffer);
  }

  private void free(int slot) {
    slots.clear(slot);
    freeSlots.put(slot);
  }
}
