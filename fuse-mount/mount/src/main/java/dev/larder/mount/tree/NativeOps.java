package dev.larder.mount.tree;

import dev.larder.erofs.Names;
import dev.larder.fuse.Errnos;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import jnr.constants.platform.Errno;
import jnr.ffi.BaseStruct;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.Struct;
import jnr.ffi.mapper.FromNativeContext;
import jnr.ffi.provider.ClosureManager;
import jnr.ffi.provider.jffi.ClosureHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import ru.serce.jnrfuse.struct.FileStat;
import ru.serce.jnrfuse.struct.FuseFileInfo;
import ru.serce.jnrfuse.struct.FuseOperations;
import ru.serce.jnrfuse.struct.Statvfs;

/**
 * {@link TreeOps} as libfuse calls them: reads the arguments, fills the structures, turns faults
 * into errno. Nothing thrown gets into native code. Called on the threads of {@link TreeLoop}.
 */
final class NativeOps {
  private static final Logger log = LoggerFactory.getLogger(NativeOps.class);

  private static final int ACCESS_MODE = 3;
  private static final int WRITE_OK = 2;

  private final TreeOps ops;
  private final LibFuse lib;
  private final Runtime runtime = Runtime.getSystemRuntime();
  private final FuseOperations table = new FuseOperations(runtime);
  private final Pointer tableMemory = Memory.allocateDirect(runtime, Struct.size(table), true);
  private final long handleAt;
  private final RareLog faults = new RareLog(log);

  /** Native code holds no reference that the collector sees. */
  private final List<Object> kept = new ArrayList<>();

  private final CountDownLatch started = new CountDownLatch(1);

  NativeOps(TreeOps ops, LibFuse lib) {
    this.ops = ops;
    this.lib = lib;
    Pointer sample = Memory.allocateDirect(runtime, 256, true);
    this.handleAt = FuseFileInfo.of(sample).fh.offset();
    install();
  }

  /** The structure of operations; used by native code until the mount ended. */
  Pointer table() {
    return tableMemory;
  }

  /** Its length. */
  int tableBytes() {
    return Struct.size(table);
  }

  /** Reaches zero when the kernel's first request was answered. */
  CountDownLatch started() {
    return started;
  }

  /** Native code is done with it; until this call everything it points to is kept. */
  void ended() {
    kept.clear();
  }

  private void install() {
    put(
        table.getattr,
        Callbacks.Fill.class,
        (path, out) ->
            answer(
                "getattr",
                () -> {
                  write(ops.stat(text(path)), FileStat.of(out));
                  return 0;
                }));
    put(
        table.statfs,
        Callbacks.Fill.class,
        (path, out) ->
            answer(
                "statfs",
                () -> {
                  write(ops.space(), Statvfs.of(out));
                  return 0;
                }));
    put(
        table.readlink,
        Callbacks.Text.class,
        (path, out, size) ->
            answer("readlink", () -> writeText(ops.readLink(text(path)), out, size)));
    put(
        table.getxattr,
        Callbacks.Attribute.class,
        (path, name, out, size) ->
            answer(
                "getxattr", () -> writeSized(ops.attribute(text(path), string(name)), out, size)));
    put(
        table.listxattr,
        Callbacks.Text.class,
        (path, out, size) ->
            answer("listxattr", () -> writeSized(ops.attributeNames(text(path)), out, size)));
    put(
        table.access,
        Callbacks.Access.class,
        (path, mask) ->
            answer(
                "access",
                () -> {
                  ops.stat(text(path));
                  return (mask & WRITE_OK) == 0 ? 0 : -Errno.EROFS.intValue();
                }));
    put(
        table.open,
        Callbacks.Handle.class,
        (path, info) ->
            answer(
                "open",
                () -> {
                  if ((info.getInt(0) & ACCESS_MODE) != 0) {
                    return -Errno.EROFS.intValue();
                  }
                  info.putLong(handleAt, ops.open(text(path)));
                  return 0;
                }));
    put(
        table.read,
        Callbacks.Read.class,
        (path, out, size, offset, info) ->
            answer(
                "read",
                () -> {
                  ByteBuffer target = buffer(out, size);
                  ops.read(
                      info.getLong(handleAt), offset, target, () -> lib.fuse_interrupted() != 0);
                  return target.position();
                }));
    put(
        table.release,
        Callbacks.Handle.class,
        (path, info) ->
            answer(
                "release",
                () -> {
                  ops.release(info.getLong(handleAt));
                  return 0;
                }));
    put(
        table.readdir,
        Callbacks.ReadDirectory.class,
        (path, out, filler, offset, info) ->
            answer(
                "readdir",
                () -> {
                  list(text(path), offset, out, filler);
                  return 0;
                }));
    put(
        table.init,
        Callbacks.Init.class,
        connection -> {
          started.countDown();
          return null;
        });
    List<BaseStruct.Func<?>> refused =
        List.of(
            table.mknod,
            table.mkdir,
            table.unlink,
            table.rmdir,
            table.symlink,
            table.rename,
            table.link,
            table.chmod,
            table.chown,
            table.truncate,
            table.write,
            table.setxattr,
            table.removexattr,
            table.create,
            table.ftruncate,
            table.utimens,
            table.fallocate);
    for (BaseStruct.Func<?> each : refused) {
      put(each, Callbacks.Refuse.class, path -> -Errno.EROFS.intValue());
    }
  }

  private <T> void put(BaseStruct.Func<?> slot, Class<T> type, T operation) {
    ClosureManager closures = runtime.getClosureManager();
    kept.add(operation);
    tableMemory.putPointer(slot.offset(), closures.getClosurePointer(type, operation));
  }

  /** Something that ends with a value for libfuse. */
  private interface Work {
    int run();
  }

  private int answer(String operation, Work work) {
    try {
      return work.run();
    } catch (TreeOps.Refusal e) {
      return -e.errno().intValue();
    } catch (LarderException e) {
      // Here a read is cancelled when libfuse says that its reader was killed, and then only.
      int errno =
          e.code() == ErrorCode.CANCELLED ? dev.larder.linux.Errno.EINTR : Errnos.of(e.code());
      faults.warn(e.code().name(), "{} on a mount failed: {}", operation, e);
      return -platform(errno);
    } catch (IllegalStateException e) {
      faults.warn("closed", "{} on a mount whose catalog is closed: {}", operation, e);
      return -Errno.EIO.intValue();
    } catch (RuntimeException | Error e) {
      log.error("operation={} on a mount failed", operation, e);
      return -Errno.EIO.intValue();
    }
  }

  /** This platform's number of an errno of Linux. */
  private static int platform(int errno) {
    return Errno.valueOf(dev.larder.linux.Errno.name(errno)).intValue();
  }

  private void write(TreeOps.Stat from, FileStat to) {
    to.st_ino.set(from.inode());
    to.st_mode.set(from.mode());
    to.st_nlink.set(from.links());
    to.st_uid.set(from.uid());
    to.st_gid.set(from.gid());
    to.st_size.set(from.size());
    to.st_blksize.set(BLOCK_BYTES);
    to.st_blocks.set(from.blocks());
    for (var time : List.of(to.st_atim, to.st_mtim, to.st_ctim)) {
      time.tv_sec.set(from.time().getEpochSecond());
      time.tv_nsec.set(from.time().getNano());
    }
  }

  /** What programs take as the best size of a read. */
  private static final int BLOCK_BYTES = 128 << 10;

  private static void write(TreeOps.Space from, Statvfs to) {
    to.f_bsize.set(from.blockBytes());
    to.f_frsize.set(from.blockBytes());
    to.f_blocks.set(from.blocks());
    to.f_files.set(from.files());
    to.f_namemax.set(from.nameMax());
  }

  private void list(String path, long offset, Pointer out, Pointer filler) {
    ClosureHelper helper = ClosureHelper.getInstance();
    FromNativeContext context = helper.getFromNativeContext();
    Callbacks.Filler fill =
        helper.getNativeConveter(Callbacks.Filler.class).fromNative(filler, context);
    FileStat stat = new FileStat(runtime);
    Pointer memory = Memory.allocateDirect(runtime, Struct.size(stat), true);
    stat.useMemory(memory);
    Pointer text = Memory.allocateDirect(runtime, NAME_ROOM);
    ops.list(
        path,
        offset,
        (name, inode, mode, behind) -> {
          text.put(0, name, 0, name.length);
          text.putByte(name.length, (byte) 0);
          stat.st_ino.set(inode);
          stat.st_mode.set(mode);
          return fill.fill(out, text, memory, behind) == 0;
        });
  }

  private static final int NAME_ROOM = 256;

  /** A link's target: cut off where there is no room, ended by zero. */
  private static int writeText(byte[] bytes, Pointer out, long size) {
    int length = (int) Math.min(bytes.length, size - 1);
    out.put(0, bytes, 0, length);
    out.putByte(length, (byte) 0);
    return 0;
  }

  /** An attribute: its length if none is to be copied, ERANGE if there is no room. */
  private static int writeSized(byte[] bytes, Pointer out, long size) {
    if (size == 0) {
      return bytes.length;
    }
    if (bytes.length > size) {
      return -Errno.ERANGE.intValue();
    }
    out.put(0, bytes, 0, bytes.length);
    return bytes.length;
  }

  private static ByteBuffer buffer(Pointer at, long size) {
    return MemorySegment.ofAddress(at.address()).reinterpret(size).asByteBuffer();
  }

  /** A path from the root with no leading slash. */
  private static String text(Pointer path) {
    String text = string(path);
    return text.startsWith("/") ? text.substring(1) : text;
  }

  private static String string(Pointer zeroEnded) {
    int length = zeroEnded.indexOf(0, (byte) 0);
    byte[] bytes = new byte[length];
    zeroEnded.get(0, bytes, 0, length);
    return Names.decode(bytes, 0, length);
  }
}
