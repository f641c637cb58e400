package dev.larder.store.posix;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One open descriptor. Unlike a {@link java.nio.channels.FileChannel} it survives the interrupt of
 * a thread that uses it, and it can reserve and punch ranges.
 *
 * <p><b>Threads:</b> any, but the owner must see to it that no call runs while {@link #close} does:
 * the kernel may give the number to another file at once. <b>Ownership:</b> who opened it closes
 * it.
 */
public final class PosixFile implements AutoCloseable {
  private static final int O_RDONLY = 0;
  private static final int O_RDWR = 2;
  private static final int O_CREAT = 0x40;
  private static final int O_NOFOLLOW = 0x20000;
  private static final int O_DIRECTORY = 0x10000;
  private static final int O_CLOEXEC = 0x80000;
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int SYNC_FILE_RANGE_WRITE = 2;
  private static final int SEEK_END = 2;
  private static final int SEEK_HOLE = 4;

  private final Path path;
  private final int fd;
  private final AtomicBoolean closed = new AtomicBoolean();

  private PosixFile(Path path, int fd) {
    this.path = path;
    this.fd = fd;
  }

  /** Opens for reading and writing, creating the file with mode 0600 if absent. */
  public static PosixFile openOrCreate(Path path) throws IOException {
    return open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC);
  }

  /** Opens an existing file for reading and writing. */
  public static PosixFile openExisting(Path path) throws IOException {
    return open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  }

  /** Opens an existing file for reading. */
  public static PosixFile openReadOnly(Path path) throws IOException {
    return open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  }

  /** Puts a folder's entries on stable storage. */
  public static void syncFolder(Path folder) throws IOException {
    try (PosixFile file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
      file.sync();
    }
  }

  private static PosixFile open(Path path, int flags) throws IOException {
    long fd;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(path.toString());
      do {
        fd = Libc.open(name, flags, 0600);
      } while (fd == -PosixException.EINTR);
    }
    if (fd == -PosixException.ENOENT) {
      throw new NoSuchFileException(path.toString());
    }
    if (fd < 0) {
      throw new PosixException("open", path.toString(), (int) -fd);
    }
    return new PosixFile(path, (int) fd);
  }

  /**
   * Reads into a direct buffer until it is full or the file ends; the position moves.
   *
   * @return bytes read
   */
  public int read(long offset, ByteBuffer target) throws IOException {
    int total = 0;
    while (target.hasRemaining()) {
      long got =
          Libc.pread(
              fd, MemorySegment.ofBuffer(direct(target)), target.remaining(), offset + total);
      if (got == -PosixException.EINTR) {
        continue;
      }
      check("read", got);
      if (got == 0) {
        break;
      }
      target.position(target.position() + (int) got);
      total += (int) got;
    }
    return total;
  }

  /** Writes all remaining bytes of a direct buffer; the position moves to the limit. */
  public void write(long offset, ByteBuffer source) throws IOException {
    long at = offset;
    while (source.hasRemaining()) {
      long put = Libc.pwrite(fd, MemorySegment.ofBuffer(direct(source)), source.remaining(), at);
      if (put == -PosixException.EINTR) {
        continue;
      }
      check("write", put);
      source.position(source.position() + (int) put);
      at += put;
    }
  }

  /**
   * Begins to write the data and waits for nothing, so that {@link #syncData} of many files shares
   * one commit of the file system's journal. A hint: faults are left to that call.
   */
  public void startSync() {
    int unused = Libc.syncFileRange(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  }

  /** Puts the data on stable storage, and the metadata needed to read them. */
  public void syncData() throws IOException {
    check("fdatasync", Libc.fdatasync(fd));
  }

  /** Puts data and metadata on stable storage. */
  public void sync() throws IOException {
    check("fsync", Libc.fsync(fd));
  }

  /** Sets the file's size; a longer file has a hole at its end. */
  public void truncate(long sizeBytes) throws IOException {
    check("ftruncate", Libc.ftruncate(fd, sizeBytes));
  }

  /** The file's size in bytes. */
  public long size() throws IOException {
    return check("lseek", Libc.lseek(fd, 0, SEEK_END));
  }

  /** Whether the file has a hole that begins in front of its end. */
  public boolean hasHole() throws IOException {
    long size = size();
    return size > 0 && check("lseek", Libc.lseek(fd, 0, SEEK_HOLE)) < size;
  }

  /** Sets the permission bits. */
  public void mode(int bits) throws IOException {
    check("fchmod", Libc.fchmod(fd, bits));
  }

  /**
   * Reserves room for a range so that writing it cannot run out of space; the size stays.
   *
   * @return false if the file system cannot reserve
   * @throws PosixException with {@link PosixException#isNoSpace} if there is no room
   */
  public boolean reserve(long offset, long length) throws IOException {
    return allocate("fallocate", FALLOC_FL_KEEP_SIZE, offset, length);
  }

  /**
   * Gives a range's room back; it reads as zeros from then on, the size stays.
   *
   * @return false if the file system has no holes
   */
  public boolean punch(long offset, long length) throws IOException {
    return allocate("punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  }

  /** Closes the descriptor; idempotent. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      // Linux gives the number back whatever close answers; write errors were seen by syncData.
      int unused = Libc.close(fd);
    }
  }

  private boolean allocate(String call, int mode, long offset, long length) throws IOException {
    long result;
    do {
      result = Libc.fallocate(fd, mode, offset, length);
    } while (result == -PosixException.EINTR);
    if (result == -PosixException.EOPNOTSUPP) {
      return false;
    }
    check(call, result);
    return true;
  }

  private long check(String call, long result) throws PosixException {
    if (result < 0) {
      throw new PosixException(call, path.toString(), (int) -result);
    }
    return result;
  }

  private ByteBuffer direct(ByteBuffer buffer) {
    if (!buffer.isDirect()) {
      throw new IllegalArgumentException("a direct buffer is needed for " + path);
    }
    if (closed.get()) {
      throw new IllegalStateException("file is closed: " + path);
    }
    return buffer;
  }
}
