package dev.larder.perf.process;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * What the kernel's page cache holds of one file, and opening a file with nothing of Java's around
 * it (Linux only). Any thread.
 */
public final class FileCache {
  private static final int READ_ONLY_CLOEXEC = 0x80000;
  private static final int DONT_NEED = 4;
  private static final long PAGE_BYTES = 4096;

  private static final MethodHandle OPEN =
      function(
          "open",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
  private static final MethodHandle CLOSE =
      function("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
  private static final MethodHandle ADVISE =
      function(
          "posix_fadvise",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));
  private static final MethodHandle MINCORE =
      function(
          "mincore",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.ADDRESS));

  private FileCache() {}

  private static MethodHandle function(String name, FunctionDescriptor type) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
  }

  /** Takes a file's clean pages out of the page cache. */
  public static void evict(Path file) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      int descriptor = open(arena.allocateFrom(file.toString()), file);
      int error = (int) ADVISE.invokeExact(descriptor, 0L, 0L, DONT_NEED);
      close(descriptor);
      if (error != 0) {
        throw new IOException("posix_fadvise of " + file + ": errno " + error);
      }
    } catch (Throwable e) {
      throw asIo(e);
    }
  }

  /** Bytes of a file in the page cache, as mincore sees them through that name. */
  public static long residentBytes(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file);
        Arena arena = Arena.ofConfined()) {
      long size = channel.size();
      MemorySegment map = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      long pages = (size + PAGE_BYTES - 1) / PAGE_BYTES;
      MemorySegment states = arena.allocate(pages);
      if ((int) MINCORE.invokeExact(map, size, states) != 0) {
        throw new IOException("mincore of " + file + " failed");
      }
      long resident = 0;
      for (long i = 0; i < pages; i++) {
        resident += states.get(ValueLayout.JAVA_BYTE, i) & 1;
      }
      return resident * PAGE_BYTES;
    } catch (Throwable e) {
      throw asIo(e);
    }
  }

  /** Nanoseconds one open and close of a file takes, the mean of so many. */
  public static double openCloseNanos(Path file, int times) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(file.toString());
      long started = System.nanoTime();
      for (int i = 0; i < times; i++) {
        close(open(name, file));
      }
      return (System.nanoTime() - started) / (double) times;
    } catch (Throwable e) {
      throw asIo(e);
    }
  }

  private static int open(MemorySegment name, Path file) throws Throwable {
    int descriptor = (int) OPEN.invokeExact(name, READ_ONLY_CLOEXEC);
    if (descriptor < 0) {
      throw new IOException("cannot open " + file);
    }
    return descriptor;
  }

  private static void close(int descriptor) throws Throwable {
    if ((int) CLOSE.invokeExact(descriptor) != 0) {
      throw new IOException("close failed");
    }
  }

  private static IOException asIo(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    if (thrown instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    return thrown instanceof IOException io ? io : new IOException(thrown);
  }
}
