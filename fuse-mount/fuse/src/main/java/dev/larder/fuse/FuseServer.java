package dev.larder.fuse;

import dev.larder.fuse.frame.Opcode;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves a name space of blobs to the kernel, on a connection that another process set up.
 *
 * <p>It keeps nothing the kernel relies on by itself: requests in flight and the inode table are in
 * the shared memory. So it may die at any instruction; the next server on the same memory answers
 * what was left and goes on.
 *
 * <p><b>Ownership:</b> descriptor, memory, name space and backings are the caller's and outlive
 * this. <b>Threads:</b> any. <b>Not guaranteed:</b> that {@link #close} ends the threads that read:
 * they end with the process or the connection; until then what they read stays in its slot.
 */
public final class FuseServer implements AutoCloseable {
  /*
   * Concurrency. A slot belongs to the thread that took it until the request is answered or handed
   * to Waits; then to whoever claims it there. Rows: see InodeTable. Lock order: a row's lock, then
   * the table's monitor, the queue of workers, free slots or buffers, each of which is a leaf. No
   * lock but a row's is held during a system call that can wait.
   */
  private static final Logger log = LoggerFactory.getLogger(FuseServer.class);
  private static final long CLOSE_NANOS = 5_000_000_000L;
  private static final long TICK_NANOS = 250_000_000L;
  private static final int SMALL_BYTES = 4096;

  private final FuseConfig config;
  private final Fd device;
  private final SharedState shared;
  private final Backings backings;
  private final Slots slots;
  private final InodeTable table;
  private final Counters counters = new Counters();
  private final FreeSlots freeSlots;
  private final Waits waits;
  private final Workers workers;
  private final ReplyBuffers buffers;
  private final Replies replies;
  private final OpenFiles openFiles;
  private final Passthrough passthrough;
  private final RowRoom room;
  private final Tasks tasks;
  private final Dispatcher dispatcher;
  private final int readBytesMax;
  private final long deadlineNanos;
  private final Consumer<Throwable> onFatal;
  private final CompletableFuture<End> end = new CompletableFuture<>();
  private final List<Reader> readers = new ArrayList<>();
  private final Thread clock = new Thread(this::tick, "larder-fuse-clock");
  private boolean isStarted;
  private volatile boolean isClosed;

  /** Why serving ended. */
  public enum End {
    /** The file system was unmounted. */
    UNMOUNTED,
    /** The connection was aborted: by its file, or as a request waited longer than allowed. */
    ABORTED,
    /** {@link FuseServer#close}. */
    CLOSED,
    /** The descriptor cannot be read. */
    FAILED
  }

  /**
   * Makes a server; {@link #start} starts it.
   *
   * @param device open, mounted, INIT answered
   * @param shared with INIT's outcome; no other process may be serving it
   * @param onFatal is told of faults after which the process should end: what is in flight is then
   *     answered by the next one
   * @throws LarderException INTERNAL without INIT's outcome
   */
  public FuseServer(
      FuseConfig config,
      Fd device,
      SharedState shared,
      BlobNamespace blobs,
      Backings backings,
      Consumer<Throwable> onFatal) {
    Init.Outcome outcome =
        shared
            .init()
            .orElseThrow(
                () -> new LarderException(ErrorCode.INTERNAL, "the FUSE connection is not set up"));
    this.config = config;
    this.device = device;
    this.shared = shared;
    this.backings = backings;
    this.onFatal = onFatal;
    slots = shared.slots();
    readBytesMax = outcome.maxReadBytes();
    deadlineNanos = Deadlines.effective(config.readDeadline()).toNanos();
    table = InodeTable.rebuild(shared.rows());
    FaultLog faults = new FaultLog();
    freeSlots = new FreeSlots(slots.count());
    waits = new Waits(slots.count());
    workers = new Workers(config.workersMax());
    buffers = new ReplyBuffers(config.replyBufferBytes(), readBytesMax);
    replies = new Replies(device, counters, faults);
    openFiles = new OpenFiles(shared.rows(), blobs);
    passthrough =
        new Passthrough(
            config.passthrough() && outcome.isPassthrough(),
            config.backingMax(),
            table,
            backings,
            counters);
    FileOps files = new FileOps(table, openFiles, passthrough, replies, counters);
    room = new RowRoom(table, backings, deadlineNanos / 2, onFatal);
    NameOps names = new NameOps(table, blobs, room, counters);
    tasks =
        new Tasks(
            slots,
            freeSlots,
            waits,
            workers,
            buffers,
            table,
            names,
            files,
            replies,
            counters,
            faults,
            () -> LockSupport.unpark(clock));
    dispatcher = new Dispatcher(slots, table, names, files, tasks, replies, counters, faults);
  }

  /**
   * Answers what a former server left, then serves.
   *
   * @throws LarderException INTERNAL without memory for buffers
   */
  public synchronized void start() {
    if (isStarted) {
      throw new IllegalStateException("started before");
    }
    isStarted = true;
    long generation = shared.nextAgentGeneration();
    adoptRows();
    room.start();
    int left = adoptSlots();
    try {
      for (int i = 0; i < config.readerThreads(); i++) {
        Reader reader =
            new Reader(
                device,
                slots,
                freeSlots,
                dispatcher,
                ReplyBuffer.allocate(readBytesMax),
                this::ended,
                onFatal);
        readers.add(reader);
      }
    } catch (LinuxException e) {
      throw new LarderException(ErrorCode.INTERNAL, "no memory for replies: " + e.getMessage(), e);
    }
    clock.setDaemon(true);
    clock.start();
    for (Reader reader : readers) {
      Thread thread = new Thread(reader, "larder-fuse-reader-" + readers.indexOf(reader));
      thread.setDaemon(true);
      thread.start();
    }
    log.info("serving blobs generation={} rows={} adopted={}", generation, table.size(), left);
  }

  /** Completes when serving ends. */
  public CompletableFuture<End> end() {
    return end;
  }

  /** Whether the kernel was ever told of a blob, and may hold on to it. */
  public boolean isKnown(BlobKey key) {
    return table.find(key) >= 0;
  }

  /** Whether the kernel has a blob open, in whatever mode. */
  public boolean isOpen(BlobKey key) {
    int row = table.find(key);
    return row >= 0 && shared.rows().opens(row) > 0;
  }

  /** Whether the kernel holds a blob's file, so that unlinking it gives no room back yet. */
  public boolean isBacked(BlobKey key) {
    int row = table.find(key);
    return row >= 0 && shared.rows().isBacked(row);
  }

  /** Lets go of files the kernel holds and nobody has open; else that happens soon. May wait. */
  public void releaseIdleBackings() {
    passthrough.closeIdle();
  }

  /**
   * Has the kernel drop what it has cached of a blob: its bytes turned out to be wrong. May wait
   * for reads of the blob under way, so not to be called by what they wait for.
   *
   * @return whether the kernel knew the blob
   * @throws LarderException INTERNAL when the kernel refuses, or what {@link Backings} throws
   */
  public boolean invalidate(BlobKey key) {
    int row = table.find(key);
    if (row < 0) {
      return false;
    }
    try {
      return backings.invalidate(shared.rows().nodeId(row));
    } catch (LinuxException e) {
      throw new LarderException(
          ErrorCode.INTERNAL, "the kernel keeps " + key + " cached: " + e.getMessage(), e);
    }
  }

  /** Figures since the start. */
  public FuseStats stats() {
    return new FuseStats(
        counters.requests.sum(),
        counters.reads.sum(),
        counters.readBytes.sum(),
        counters.waited.sum(),
        counters.opens.sum(),
        counters.preloads.sum(),
        counters.passthroughOpens.sum(),
        counters.refusals.sum(),
        counters.tableFull.sum(),
        counters.interrupted.sum(),
        counters.expired.sum(),
        counters.faults.sum(),
        counters.malformed.sum(),
        counters.adopted.sum(),
        counters.answeredBefore.sum(),
        counters.replyErrors.sum(),
        slots.inFlight(),
        table.size(),
        openFiles.size(),
        passthrough.inUse(),
        workers.busy(),
        buffers.bytes());
  }

  /**
   * Stops serving and lets go of every blob. Requests that wait are left to the next server,
   * without an error to anybody. Idempotent.
   */
  @Override
  public void close() {
    synchronized (this) {
      if (isClosed) {
        return;
      }
      isClosed = true;
    }
    readers.forEach(Reader::stop);
    freeSlots.close();
    room.stop();
    tasks.stop();
    long until = System.nanoTime() + CLOSE_NANOS;
    boolean isQuiet = workers.close(CLOSE_NANOS);
    while (readers.stream().anyMatch(Reader::isBusy) && System.nanoTime() - until < 0) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
    isQuiet &= readers.stream().noneMatch(Reader::isBusy);
    LockSupport.unpark(clock);
    buffers.close();
    if (isQuiet) {
      openFiles.dropAll();
    } else {
      log.warn("requests are still being answered after seconds={}", CLOSE_NANOS / 1_000_000_000);
    }
    boolean unused = end.complete(End.CLOSED);
  }

  private void adoptRows() {
    Rows rows = shared.rows();
    int touched = rows.touched();
    for (int row = Layout.ROW_KEYS; row < touched; row++) {
      if (rows.isBacked(row)) {
        passthrough.adopt(row);
      } else if (rows.state(row) == Rows.USED && rows.opens(row) == 0) {
        // The former agent died between choosing a mode and counting the open.
        rows.putMode(row, Rows.CLOSED);
        boolean unused = table.freeIfIdle(row);
      }
    }
  }

  /** Interrupts come last: what they name has to wait already. */
  private int adoptSlots() {
    int found = 0;
    Request request = new Request(slots);
    ReplyBuffer reply;
    try {
      reply = ReplyBuffer.allocate(readBytesMax);
    } catch (LinuxException e) {
      throw new LarderException(ErrorCode.INTERNAL, "no memory for replies: " + e.getMessage(), e);
    }
    try (reply) {
      boolean[] isLeft = new boolean[slots.count()];
      for (int slot = 0; slot < isLeft.length; slot++) {
        isLeft[slot] = slots.unique(slot) != 0;
        found += isLeft[slot] ? 1 : 0;
      }
      for (boolean interrupts : new boolean[] {false, true}) {
        for (int slot = 0; slot < isLeft.length; slot++) {
          request.loadLeft(slot);
          if (isLeft[slot] && interrupts == (request.opcode() == Opcode.INTERRUPT)) {
            counters.adopted.increment();
            if (dispatcher.dispatch(request, reply)) {
              freeSlots.put(slot);
            }
          }
        }
      }
      for (int slot = isLeft.length - 1; slot >= 0; slot--) {
        if (!isLeft[slot]) {
          freeSlots.put(slot);
        }
      }
    }
    return found;
  }

  private void ended(End how) {
    if (end.complete(how)) {
      log.info("serving ended how={}", how);
    }
  }

  private void tick() {
    ReplyBuffer reply = null;
    try {
      reply = ReplyBuffer.allocate(SMALL_BYTES);
      while (!isClosed) {
        if (waits.count() > 0 || passthrough.hasIdle()) {
          LockSupport.parkNanos(this, TICK_NANOS);
        } else {
          LockSupport.parkNanos(this, 4 * TICK_NANOS);
        }
        if (waits.count() > 0) {
          tasks.expire(deadlineNanos, reply);
        }
        passthrough.closeIdle();
      }
    } catch (Throwable e) {
      onFatal.accept(e);
    } finally {
      if (reply != null) {
        reply.close();
      }
    }
  }
}
