package dev.larder.fuse;

import dev.larder.fuse.frame.AccessRequest;
import dev.larder.fuse.frame.ForgetRequest;
import dev.larder.fuse.frame.InterruptRequest;
import dev.larder.fuse.frame.LseekFrames;
import dev.larder.fuse.frame.Opcode;
import dev.larder.fuse.frame.OpenReply;
import dev.larder.fuse.frame.OpenRequest;
import dev.larder.fuse.frame.ReadRequest;
import dev.larder.fuse.frame.ReleaseRequest;
import dev.larder.fuse.frame.RequestBytes;
import dev.larder.fuse.frame.StatxFrames;
import dev.larder.linux.Errno;
import dev.larder.protocol.LarderException;

/**
 * Answers one request: at once where nothing has to be waited for, else through a worker.
 *
 * <p><b>Threads:</b> any, each with a request and a reply buffer of its own.
 */
final class Dispatcher {
  /** Nothing is to be written: the request takes no answer, or has it. */
  private static final int SILENT = Integer.MIN_VALUE + 1;

  private static final int LATER = FileOps.LATER;

  private final Slots slots;
  private final InodeTable table;
  private final NameOps names;
  private final FileOps files;
  private final Tasks tasks;
  private final Replies replies;
  private final Counters counters;
  private final FaultLog faults;

  Dispatcher(
      Slots slots,
      InodeTable table,
      NameOps names,
      FileOps files,
      Tasks tasks,
      Replies replies,
      Counters counters,
      FaultLog faults) {
    this.slots = slots;
    this.table = table;
    this.names = names;
    this.files = files;
    this.tasks = tasks;
    this.replies = replies;
    this.counters = counters;
    this.faults = faults;
  }

  /**
   * Answers a request or sees to it that it will be.
   *
   * @return whether the slot is free again; else whoever answers frees it
   * @throws VirtualMachineError after which the request is still in flight
   */
  boolean dispatch(Request request, ReplyBuffer reply) {
    counters.requests.increment();
    int result;
    try {
      result = answer(request, reply);
    } catch (LarderException e) {
      counters.faults.increment();
      faults.fault("request", "opcode " + request.opcode(), e);
      result = -Errnos.of(e.code());
    } catch (RuntimeException | AssertionError e) {
      counters.faults.increment();
      faults.defect("request", "opcode " + request.opcode(), e);
      result = -Errno.EIO;
    }
    if (result == LATER) {
      return tasks.handOff(request, reply);
    }
    if (result >= 0) {
      replies.body(reply, request.unique(), result);
    } else if (result != SILENT) {
      replies.error(reply, request.unique(), -result);
    }
    slots.clear(request.slot());
    return true;
  }

  private int answer(Request request, ReplyBuffer reply) {
    if (!request.isWhole()) {
      counters.malformed.increment();
      // Without a header there is nobody to answer.
      return request.unique() == 0 ? SILENT : -Errno.EINVAL;
    }
    if (request.bodyBytes() < bytesMin(request.opcode())) {
      counters.malformed.increment();
      return isSilent(request.opcode()) ? SILENT : -Errno.EINVAL;
    }
    return switch (request.opcode()) {
      case Opcode.READ -> read(request, reply);
      case Opcode.LOOKUP -> names.lookup(request, reply);
      case Opcode.GETATTR -> names.getattr(request, reply);
      case Opcode.STATX -> names.statx(request, reply);
      case Opcode.OPEN -> files.open(request, reply);
      case Opcode.RELEASE -> release(request, reply);
      case Opcode.OPENDIR -> opendir(request, reply);
      case Opcode.READDIR -> names.readdir(request, reply, false);
      case Opcode.READDIRPLUS -> names.readdir(request, reply, true);
      case Opcode.STATFS -> names.statfs(reply);
      case Opcode.LSEEK -> files.lseek(request, reply);
      case Opcode.FORGET -> forget(request);
      case Opcode.BATCH_FORGET -> batchForget(request);
      case Opcode.INTERRUPT -> interrupt(request, reply);
      case Opcode.ACCESS -> access(request);
      case Opcode.RELEASEDIR, Opcode.FSYNC, Opcode.FSYNCDIR, Opcode.DESTROY -> 0;
      case Opcode.READLINK -> -Errno.EINVAL;
      case Opcode.IOCTL -> -Errno.ENOTTY;
      case Opcode.NOTIFY_REPLY -> SILENT;
      case Opcode.SETATTR,
          Opcode.SYMLINK,
          Opcode.MKNOD,
          Opcode.MKDIR,
          Opcode.UNLINK,
          Opcode.RMDIR,
          Opcode.RENAME,
          Opcode.LINK,
          Opcode.WRITE,
          Opcode.SETXATTR,
          Opcode.REMOVEXATTR,
          Opcode.CREATE,
          Opcode.FALLOCATE,
          Opcode.RENAME2,
          Opcode.COPY_FILE_RANGE,
          Opcode.COPY_FILE_RANGE_64,
          Opcode.TMPFILE ->
          -Errno.EROFS;
      // Once told so, the kernel asks no more: FLUSH, POLL, GETXATTR, LISTXATTR, SYNCFS, locks.
      default -> -Errno.ENOSYS;
    };
  }

  private int read(Request request, ReplyBuffer reply) {
    int result = files.read(request, reply);
    if (result >= 0) {
      counters.reads.increment();
      counters.readBytes.add(result);
    }
    return result;
  }

  private int release(Request request, ReplyBuffer reply) {
    int row = files.fileRow(request);
    replies.body(reply, request.unique(), 0);
    if (row < 0 || request.wasCounted()) {
      return SILENT;
    }
    return files.release(row, slots, request.slot()) == LATER ? LATER : SILENT;
  }

  private int opendir(Request request, ReplyBuffer reply) {
    int row = table.rows().rowOf(request.nodeId());
    if (row < 0) {
      return -Errno.ESTALE;
    }
    if (Rows.isKeys(row)) {
      return -Errno.ENOTDIR;
    }
    OpenReply.put(reply.memory(), ReplyBuffer.BODY_AT, row, 0, 0);
    return OpenReply.BYTES;
  }

  private int access(Request request) {
    int mask = AccessRequest.mask(request.memory(), request.body());
    return (mask & AccessRequest.WRITE) != 0 ? -Errno.EROFS : 0;
  }

  private int forget(Request request) {
    if (!request.wasCounted()) {
      request.putCounted();
      forget(request.nodeId(), ForgetRequest.lookups(request.memory(), request.body()));
    }
    return SILENT;
  }

  private int batchForget(Request request) {
    if (!request.wasCounted()
        && !ForgetRequest.takeBatch(
            request.memory(), request.body(), request.bodyBytes(), this::forget)) {
      counters.malformed.increment();
    }
    return SILENT;
  }

  private void forget(long nodeId, long times) {
    int row = table.rows().rowOf(nodeId);
    if (row >= 0 && Rows.isKeys(row)) {
      table.forget(row, times);
      boolean unused = table.freeIfIdle(row);
    }
  }

  private int interrupt(Request request, ReplyBuffer reply) {
    long target = InterruptRequest.target(request.memory(), request.body());
    int slot = target == 0 ? -1 : slots.find(target);
    if (slot < 0) {
      // Answered by now, then the kernel drops this; else it asks again.
      return -Errno.EAGAIN;
    }
    tasks.interrupt(slot, target, reply);
    return SILENT;
  }

  private static boolean isSilent(int opcode) {
    return switch (opcode) {
      case Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT, Opcode.NOTIFY_REPLY -> true;
      default -> false;
    };
  }

  /** Least bytes behind the header. */
  private static int bytesMin(int opcode) {
    return switch (opcode) {
      case Opcode.READ, Opcode.READDIR, Opcode.READDIRPLUS -> ReadRequest.BYTES;
      case Opcode.GETATTR -> RequestBytes.GETATTR;
      case Opcode.STATX -> StatxFrames.REQUEST_BYTES;
      case Opcode.OPEN, Opcode.OPENDIR -> OpenRequest.BYTES;
      case Opcode.RELEASE, Opcode.RELEASEDIR -> ReleaseRequest.BYTES;
      case Opcode.FLUSH -> RequestBytes.FLUSH;
      case Opcode.FSYNC, Opcode.FSYNCDIR -> RequestBytes.FSYNC;
      case Opcode.GETXATTR, Opcode.LISTXATTR -> RequestBytes.GETXATTR;
      case Opcode.LSEEK -> LseekFrames.REQUEST_BYTES;
      case Opcode.FORGET -> ForgetRequest.BYTES;
      case Opcode.BATCH_FORGET -> ForgetRequest.BATCH_BYTES;
      case Opcode.INTERRUPT -> InterruptRequest.BYTES;
      case Opcode.ACCESS -> AccessRequest.BYTES;
      case Opcode.IOCTL -> RequestBytes.IOCTL;
      case Opcode.POLL -> RequestBytes.POLL;
      default -> 0;
    };
  }
}
