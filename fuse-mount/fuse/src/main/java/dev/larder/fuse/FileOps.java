package dev.larder.fuse;

import dev.larder.fuse.OpenFiles.OpenFile;
import dev.larder.fuse.frame.LseekFrames;
import dev.larder.fuse.frame.OpenReply;
import dev.larder.fuse.frame.OpenRequest;
import dev.larder.fuse.frame.ReadRequest;
import dev.larder.linux.Errno;
import dev.larder.protocol.LarderException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opening, reading and releasing files. Calls without {@code Waiting} in their name are made by the
 * threads that read requests and give {@link #LATER} instead of waiting.
 */
final class FileOps {
  private static final Logger log = LoggerFactory.getLogger(FileOps.class);

  /** A worker has to do it. */
  static final int LATER = Integer.MIN_VALUE;

  private static final int USER_SPACE_FLAGS = OpenReply.KEEP_CACHE | OpenReply.NO_FLUSH;

  /** KEEP_CACHE with it would make the open fail. */
  private static final int PASSTHROUGH_FLAGS = OpenReply.PASSTHROUGH | OpenReply.NO_FLUSH;

  private final InodeTable table;
  private final Rows rows;
  private final OpenFiles files;
  private final Passthrough passthrough;
  private final Replies replies;
  private final Counters counters;

  FileOps(
      InodeTable table,
      OpenFiles files,
      Passthrough passthrough,
      Replies replies,
      Counters counters) {
    this.table = table;
    this.rows = table.rows();
    this.files = files;
    this.passthrough = passthrough;
    this.replies = replies;
    this.counters = counters;
  }

  /** Says whether handles of a READ or OPEN name a file: its row, or a negated errno. */
  int fileRow(Request request) {
    int row = rows.rowOf(request.nodeId());
    if (row < 0) {
      return -Errno.ESTALE;
    }
    return Rows.isKeys(row) ? row : -Errno.EISDIR;
  }

  int open(Request request, ReplyBuffer reply) {
    int row = fileRow(request);
    if (row < 0) {
      return row;
    }
    if (OpenRequest.isWrite(OpenRequest.flags(request.memory(), request.body()))) {
      return -Errno.EROFS;
    }
    if (request.wasCounted()) {
      return openReply(row, reply);
    }
    ReentrantLock lock = table.lock(row);
    if (!lock.tryLock()) {
      return LATER;
    }
    try {
      if (rows.mode(row) == Rows.CLOSED) {
        OpenFile file = files.open(row);
        if (passthrough.isWanted(row, file.blob())) {
          return LATER;
        }
        toUserSpace(row);
        preload(file.blob(), request.nodeId(), reply);
      }
      countOpen(row);
      request.putCounted();
      return openReply(row, reply);
    } catch (RuntimeException e) {
      abandon(row);
      throw e;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Saves a reader of a small file the READ that would follow its open. Nobody has the file open,
   * so there is no READ whose end this would wait for.
   */
  private void preload(OpenedBlob blob, long nodeId, ReplyBuffer reply) {
    int bytes = blob.preloadBytes();
    if (bytes <= 0 || bytes > reply.bodyBytes()) {
      return;
    }
    try {
      if (blob.readNow(0, reply.data(bytes)) == bytes && replies.store(reply, nodeId, bytes)) {
        counters.preloads.increment();
      }
    } catch (LarderException e) {
      // Not the open's to tell: the READ meets it again.
      log.debug("bytes do not come with an open code={}", e.code());
    }
  }

  /** Readies a file nobody has open; the row's lock is held, and may be for long. */
  void openWaiting(int row) {
    if (rows.mode(row) == Rows.CLOSED) {
      OpenFile file = files.open(row);
      if (passthrough.open(row, file.blob())) {
        // The kernel holds the file now; nothing is read through us.
        files.drop(row);
      } else {
        toUserSpace(row);
      }
    }
  }

  private void toUserSpace(int row) {
    rows.putMode(row, Rows.USER_SPACE);
    rows.putFlags(row, rows.flags(row) | Rows.CACHED);
  }

  /** Undoes {@link #openWaiting} when nobody wants it any more; the row's lock is held. */
  void abandon(int row) {
    if (rows.opens(row) == 0) {
      closed(row);
    }
  }

  /** The row's lock is held. */
  void countOpen(int row) {
    rows.putOpens(row, rows.opens(row) + 1);
    counters.opens.increment();
    if (rows.mode(row) == Rows.PASSTHROUGH) {
      counters.passthroughOpens.increment();
    }
  }

  int openReply(int row, ReplyBuffer reply) {
    boolean isPassthrough = rows.isBacked(row);
    OpenReply.put(
        reply.memory(),
        ReplyBuffer.BODY_AT,
        handle(row, isPassthrough ? Rows.PASSTHROUGH : Rows.USER_SPACE),
        isPassthrough ? PASSTHROUGH_FLAGS : USER_SPACE_FLAGS,
        isPassthrough ? rows.backing(row) : 0);
    return OpenReply.BYTES;
  }

  /** The effect of RELEASE after its reply; {@link #LATER} when the row's lock is taken. */
  int release(int row, Slots slots, int slot) {
    if (!table.lock(row).tryLock()) {
      return LATER;
    }
    releaseHoldingLock(row, slots, slot);
    return 0;
  }

  void releaseWaiting(int row, Slots slots, int slot) {
    table.lock(row).lock();
    releaseHoldingLock(row, slots, slot);
  }

  private void releaseHoldingLock(int row, Slots slots, int slot) {
    try {
      // First the mark: a count too high keeps a file open, one too low would close it under
      // others.
      slots.putPhase(slot, 1);
      int opens = Math.max(0, rows.opens(row) - 1);
      rows.putOpens(row, opens);
      if (opens == 0) {
        closed(row);
      }
    } finally {
      table.lock(row).unlock();
    }
    boolean unused = table.freeIfIdle(row);
  }

  /** Reads into the reply, if that needs no waiting. */
  int read(Request request, ReplyBuffer reply) {
    int row = fileRow(request);
    if (row < 0) {
      return row;
    }
    int length = readLength(request, row);
    if (length <= 0) {
      return length;
    }
    if (length > reply.bodyBytes()) {
      // The kernel never asks for more than INIT allowed.
      counters.malformed.increment();
      return -Errno.EINVAL;
    }
    OpenFile file = use(row, false);
    if (file == null) {
      return LATER;
    }
    try {
      long offset = ReadRequest.offset(request.memory(), request.body());
      ByteBuffer data = reply.data(length);
      int got = file.blob().readNow(offset, data);
      return got == -1 ? LATER : checked(got, length, row);
    } finally {
      file.endUse();
    }
  }

  /** Bytes a READ gets: 0 at and behind the end, or a negated errno. */
  int readLength(Request request, int row) {
    long offset = ReadRequest.offset(request.memory(), request.body());
    long wanted = Integer.toUnsignedLong(ReadRequest.size(request.memory(), request.body()));
    if (offset < 0 || wanted > Integer.MAX_VALUE) {
      counters.malformed.increment();
      return -Errno.EINVAL;
    }
    long left = rows.sizeBytes(row) - offset;
    return left <= 0 ? 0 : (int) Math.min(left, wanted);
  }

  /** The row's open blob for one use; null when that would have to wait and must not. */
  @Nullable OpenFile use(int row, boolean mayWait) {
    OpenFile file = files.use(row);
    if (file != null) {
      return file;
    }
    // Opened by a former agent, or in passthrough and now read through us after all.
    ReentrantLock lock = table.lock(row);
    if (mayWait) {
      lock.lock();
    } else if (!lock.tryLock()) {
      return null;
    }
    try {
      OpenFile opened = files.open(row);
      boolean unused = opened.beginUse();
      if (rows.opens(row) == 0) {
        files.drop(row);
      }
      return opened;
    } finally {
      lock.unlock();
    }
  }

  /** A short answer in the middle of a file would tell the kernel that it ends there. */
  static int checked(int got, int wanted, int row) {
    if (got != wanted) {
      throw new IllegalStateException("row " + row + ": read " + got + " bytes of " + wanted);
    }
    return got;
  }

  int lseek(Request request, ReplyBuffer reply) {
    int row = fileRow(request);
    if (row < 0) {
      return row;
    }
    long offset = LseekFrames.offset(request.memory(), request.body());
    long size = rows.sizeBytes(row);
    if (offset < 0 || offset >= size) {
      return -Errno.ENXIO;
    }
    switch (LseekFrames.whence(request.memory(), request.body())) {
      case LseekFrames.SEEK_DATA -> LseekFrames.reply(reply.memory(), ReplyBuffer.BODY_AT, offset);
      case LseekFrames.SEEK_HOLE -> LseekFrames.reply(reply.memory(), ReplyBuffer.BODY_AT, size);
      default -> {
        return -Errno.EINVAL;
      }
    }
    return LseekFrames.REPLY_BYTES;
  }

  /** A handle means something to every agent: the row, and how it was opened. */
  private static long handle(int row, int mode) {
    return (long) mode << 56 | Integer.toUnsignedLong(row);
  }

  private void closed(int row) {
    files.drop(row);
    if (rows.isBacked(row)) {
      passthrough.released(row);
    } else {
      rows.putMode(row, Rows.CLOSED);
    }
  }
}
