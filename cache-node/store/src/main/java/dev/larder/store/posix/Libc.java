package dev.larder.store.posix;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/** Handles of the C library's functions. Each call gives errno back negated, as the kernel does. */
final class Libc {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO_VALUE =
      STATE.varHandle(java.lang.foreign.MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle OPEN =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("open"),
          FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
          ERRNO,
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle CLOSE = of("close", JAVA_INT);
  private static final MethodHandle PREAD = io("pread");
  private static final MethodHandle PWRITE = io("pwrite");
  private static final MethodHandle FDATASYNC = of("fdatasync", JAVA_INT);
  private static final MethodHandle FSYNC = of("fsync", JAVA_INT);
  private static final MethodHandle FTRUNCATE = of("ftruncate", JAVA_INT, JAVA_LONG);
  private static final MethodHandle FCHMOD = of("fchmod", JAVA_INT, JAVA_INT);
  private static final MethodHandle FALLOCATE =
      of("fallocate", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle SYNC_FILE_RANGE =
      of("sync_file_range", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle LSEEK =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("lseek"),
          FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT),
          ERRNO);

  private Libc() {}

  static int open(MemorySegment path, int flags, int mode) {
    return call(state -> (int) OPEN.invokeExact(state, path, flags, mode));
  }

  static int close(int fd) {
    return call(state -> (int) CLOSE.invokeExact(state, fd));
  }

  static long pread(int fd, MemorySegment target, long count, long offset) {
    return callLong(state -> (long) PREAD.invokeExact(state, fd, target, count, offset));
  }

  static long pwrite(int fd, MemorySegment source, long count, long offset) {
    return callLong(state -> (long) PWRITE.invokeExact(state, fd, source, count, offset));
  }

  static int fdatasync(int fd) {
    return call(state -> (int) FDATASYNC.invokeExact(state, fd));
  }

  static int fsync(int fd) {
    return call(state -> (int) FSYNC.invokeExact(state, fd));
  }

  static int ftruncate(int fd, long size) {
    return call(state -> (int) FTRUNCATE.invokeExact(state, fd, size));
  }

  static int fchmod(int fd, int mode) {
    return call(state -> (int) FCHMOD.invokeExact(state, fd, mode));
  }

  static int fallocate(int fd, int mode, long offset, long length) {
    return call(state -> (int) FALLOCATE.invokeExact(state, fd, mode, offset, length));
  }

  static int syncFileRange(int fd, long offset, long length, int flags) {
    return call(state -> (int) SYNC_FILE_RANGE.invokeExact(state, fd, offset, length, flags));
  }

  static long lseek(int fd, long offset, int whence) {
    return callLong(state -> (long) LSEEK.invokeExact(state, fd, offset, whence));
  }

  private static MethodHandle of(String name, java.lang.foreign.MemoryLayout... arguments) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        FunctionDescriptor.of(JAVA_INT, arguments),
        ERRNO);
  }

  private static MethodHandle io(String name) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG),
        ERRNO);
  }

  private static int call(Call call) {
    return (int) callLong(call::apply);
  }

  private static long callLong(LongCall call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      long result = call.apply(state);
      return result >= 0 ? result : -(int) ERRNO_VALUE.get(state, 0L);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("a call of the C library failed", e);
    }
  }

  private interface Call {
    int apply(MemorySegment state) throws Throwable;
  }

  private interface LongCall {
    long apply(MemorySegment state) throws Throwable;
  }
}
