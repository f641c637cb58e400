package dev.larder.mount.tree;

import dev.larder.erofs.CatalogNode;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A file that some process holds open. Reads run side by side, each on a reader of its own; readers
 * are kept for the next read. Any thread.
 */
final class OpenFile implements AutoCloseable {
  /** How soon a reader that was killed is let go. */
  private static final long INTERRUPT_MILLIS = 100;

  private final CatalogNode node;
  private final TreeFiles files;
  private final ExecutorService waits;
  private final Semaphore turns;

  // Guarded by itself: readers nobody uses, and all that are open.
  private final ArrayDeque<TreeFile> idle = new ArrayDeque<>();
  private final Set<TreeFile> open = new HashSet<>();
  private boolean isClosed;

  OpenFile(CatalogNode node, TreeFiles files, ExecutorService waits, int readsMax) {
    this.node = node;
    this.files = files;
    this.waits = waits;
    this.turns = new Semaphore(readsMax);
  }

  /**
   * Fills the target as far as the file goes.
   *
   * @param interrupted whether the process that reads wants no answer any more; asked while waiting
   * @throws LarderException CANCELLED if so
   */
  void read(long offset, ByteBuffer target, BooleanSupplier interrupted) {
    takeTurn(interrupted);
    try {
      TreeFile reader = reader();
      boolean done = false;
      try {
        if (reader.isLocal()) {
          reader.read(offset, target);
        } else {
          await(reader, offset, target, interrupted);
        }
        done = true;
      } finally {
        giveBack(reader, done);
      }
    } finally {
      turns.release();
    }
  }

  private void takeTurn(BooleanSupplier interrupted) {
    try {
      while (!turns.tryAcquire(INTERRUPT_MILLIS, TimeUnit.MILLISECONDS)) {
        if (interrupted.getAsBoolean()) {
          throw cancelled();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw cancelled();
    }
  }

  /*
   * The read goes on elsewhere, into a buffer of its own: when nobody waits for it any more it may
   * still write, and libfuse's buffer is another request's by then.
   */
  private void await(TreeFile reader, long offset, ByteBuffer target, BooleanSupplier interrupted) {
    ByteBuffer own = ByteBuffer.allocate(target.remaining());
    Future<?> read = waits.submit(() -> reader.read(offset, own));
    while (true) {
      try {
        read.get(INTERRUPT_MILLIS, TimeUnit.MILLISECONDS);
        target.put(own.flip());
        return;
      } catch (TimeoutException e) {
        if (interrupted.getAsBoolean()) {
          reader.close();
          throw cancelled();
        }
      } catch (ExecutionException e) {
        switch (e.getCause()) {
          case RuntimeException fault -> throw fault;
          case Error error -> throw error;
          case null, default -> throw new IllegalStateException(e);
        }
      } catch (InterruptedException e) {
        reader.close();
        Thread.currentThread().interrupt();
        throw cancelled();
      }
    }
  }

  private TreeFile reader() {
    synchronized (open) {
      checkOpen();
      @Nullable TreeFile kept = idle.poll();
      if (kept != null) {
        return kept;
      }
    }
    TreeFile fresh = files.open(node);
    synchronized (open) {
      if (!isClosed) {
        open.add(fresh);
        return fresh;
      }
    }
    fresh.close();
    throw cancelled();
  }

  /** One that failed is not used again: the next read begins anew. */
  private void giveBack(TreeFile reader, boolean isWell) {
    synchronized (open) {
      if (isWell && !isClosed) {
        idle.push(reader);
        return;
      }
      open.remove(reader);
    }
    reader.close();
  }

  private void checkOpen() {
    if (isClosed) {
      throw cancelled();
    }
  }

  private static LarderException cancelled() {
    return new LarderException(ErrorCode.CANCELLED, "the reader gave up, or the mount ends");
  }

  /** Ends reads that wait with CANCELLED. */
  @Override
  public void close() {
    Set<TreeFile> all;
    synchronized (open) {
      isClosed = true;
      all = Set.copyOf(open);
      open.clear();
      idle.clear();
    }
    all.forEach(TreeFile::close);
  }
}
