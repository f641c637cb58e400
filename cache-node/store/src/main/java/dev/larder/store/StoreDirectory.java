package dev.larder.store;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import dev.larder.store.posix.PosixFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The data directory: layout, format version, and the lock that keeps a second process out.
 *
 * <pre>
 * DATA/VERSION      "larder-store 1\n"
 * DATA/LOCK         locked while in use; holds the holder's process id
 * DATA/index/       RocksDB
 * DATA/fills/ab/    files being filled, mode 0600
 * DATA/blobs/ab/    sealed files, mode 0444
 * DATA/quarantine/  what was set aside
 * DATA/eviction     saved order of eviction
 * </pre>
 */
final class StoreDirectory implements AutoCloseable {
  static final int FORMAT_VERSION = 1;
  private static final String VERSION_WORD = "larder-store ";

  /**
   * Directories this process has open. A lock of the kernel belongs to the process: a second
   * channel on LOCK would, when it is closed, take the first one's lock away.
   */
  private static final Set<Path> OPEN_HERE = ConcurrentHashMap.newKeySet();

  private final Path root;
  private final Path real;
  private final FileChannel lockChannel;
  private final FileLock lock;

  private StoreDirectory(Path root, Path real, FileChannel lockChannel, FileLock lock) {
    this.root = root;
    this.real = real;
    this.lockChannel = lockChannel;
    this.lock = lock;
  }

  /**
   * Locks the directory, creating it if absent.
   *
   * @throws LarderException STORE_LOCKED naming the holder, STORE_UNUSABLE naming the file
   */
  static StoreDirectory open(Path root) {
    Path real;
    try {
      createFolder(root);
      real = root.toRealPath();
    } catch (IOException e) {
      throw unusable(root, "cannot be created or is not a directory", e);
    }
    if (!OPEN_HERE.add(real)) {
      throw locked(root, Long.toString(ProcessHandle.current().pid()));
    }
    @Nullable FileChannel channel = null;
    try {
      checkVersion(root.resolve("VERSION"));
      channel = openLock(root.resolve("LOCK"));
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw locked(root, readText(channel));
      }
      channel.truncate(0);
      ByteBuffer pid = ascii(ProcessHandle.current().pid() + "\n");
      while (pid.hasRemaining()) {
        channel.write(pid, pid.position());
      }
      StoreDirectory directory = new StoreDirectory(root, real, channel, lock);
      directory.writeVersion();
      for (Path folder :
          new Path[] {directory.fills(), directory.blobs(), directory.quarantine()}) {
        createFolder(folder);
      }
      createFolder(directory.index());
      return directory;
    } catch (IOException e) {
      abandon(real, channel);
      if (Faults.isNoSpace(e)) {
        throw Faults.of(e);
      }
      throw unusable(root, "is not writable", e);
    } catch (LarderException e) {
      abandon(real, channel);
      throw e;
    }
  }

  /**
   * Looks whether {@link #open} would be refused, and changes nothing.
   *
   * @throws LarderException as {@link #open}
   */
  static void check(Path root) {
    if (!Files.isDirectory(root)) {
      return;
    }
    try {
      if (OPEN_HERE.contains(root.toRealPath())) {
        throw locked(root, Long.toString(ProcessHandle.current().pid()));
      }
      checkVersion(root.resolve("VERSION"));
      Path file = root.resolve("LOCK");
      if (Files.exists(file)) {
        checkLock(root, file);
      }
    } catch (IOException e) {
      throw unusable(root, "cannot be read", e);
    }
  }

  private static void checkLock(Path root, Path file) throws IOException {
    try (FileChannel channel = openLock(file);
        FileLock lock = channel.tryLock()) {
      if (lock == null) {
        throw locked(root, readText(channel));
      }
    }
  }

  Path root() {
    return root;
  }

  Path index() {
    return root.resolve("index");
  }

  Path fills() {
    return root.resolve("fills");
  }

  Path blobs() {
    return root.resolve("blobs");
  }

  Path quarantine() {
    return root.resolve("quarantine");
  }

  Path evictionOrder() {
    return root.resolve("eviction");
  }

  Path fillPath(BlobKey key) {
    return fills().resolve(key.folder()).resolve(key.fileName());
  }

  Path blobPath(BlobKey key) {
    return blobs().resolve(key.folder()).resolve(key.fileName());
  }

  /** Creates a folder with mode 0700 if absent, and puts its name on stable storage. */
  static void createFolder(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return;
    }
    Files.createDirectories(
        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path parent = folder.toAbsolutePath().getParent();
    if (parent != null) {
      PosixFile.syncFolder(parent);
    }
  }

  @Override
  public void close() {
    try {
      lock.release();
      lockChannel.close();
    } catch (IOException e) {
      throw Faults.of(e);
    } finally {
      OPEN_HERE.remove(real);
    }
  }

  private static void abandon(Path real, @Nullable FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw Faults.of(e);
    } finally {
      OPEN_HERE.remove(real);
    }
  }

  private static FileChannel openLock(Path file) throws IOException {
    return FileChannel.open(
        file,
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
  }

  private static void checkVersion(Path file) throws IOException {
    String text;
    try {
      text = Files.readString(file, StandardCharsets.US_ASCII).strip();
    } catch (NoSuchFileException e) {
      return;
    }
    int version;
    try {
      version = text.startsWith(VERSION_WORD) ? Integer.parseInt(text.substring(13)) : 0;
    } catch (NumberFormatException e) {
      version = 0;
    }
    if (version > FORMAT_VERSION) {
      throw new LarderException(
          ErrorCode.STORE_UNUSABLE,
          file
              + ": format "
              + version
              + " is newer than this version's "
              + FORMAT_VERSION
              + "; use the Larder that wrote it, or another directory");
    }
    if (version < 1) {
      throw new LarderException(
          ErrorCode.STORE_UNUSABLE, file + ": is not the version file of a store");
    }
  }

  private void writeVersion() throws IOException {
    Path file = root.resolve("VERSION");
    if (Files.exists(file)) {
      return;
    }
    Path draft = root.resolve("VERSION.new");
    try (FileChannel out =
        FileChannel.open(
            draft,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer text = ascii(VERSION_WORD + FORMAT_VERSION + "\n");
      while (text.hasRemaining()) {
        out.write(text);
      }
      out.force(true);
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    PosixFile.syncFolder(root);
  }

  private static String readText(FileChannel channel) throws IOException {
    ByteBuffer text = ByteBuffer.allocate(32);
    channel.read(text, 0);
    return new String(text.array(), 0, text.position(), StandardCharsets.US_ASCII).strip();
  }

  private static ByteBuffer ascii(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static LarderException locked(Path root, String pid) {
    return new LarderException(
        ErrorCode.STORE_LOCKED, "data directory " + root + " is in use by process " + pid);
  }

  private static LarderException unusable(Path root, String what, IOException e) {
    return new LarderException(
        ErrorCode.STORE_UNUSABLE, "data directory " + root + " " + what + ": " + e, e);
  }
}
