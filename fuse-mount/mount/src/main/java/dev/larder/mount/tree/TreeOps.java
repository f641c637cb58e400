package dev.larder.mount.tree;

import dev.larder.erofs.Catalog;
import dev.larder.erofs.CatalogNode;
import dev.larder.erofs.CatalogTotals;
import dev.larder.erofs.EntryType;
import dev.larder.erofs.Names;
import dev.larder.protocol.LarderException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;

/**
 * The operations of the tree in terms of the catalog, with nothing native in them: answers are
 * values, refusals are {@link Refusal}. Any thread.
 */
final class TreeOps implements AutoCloseable {
  private static final int NAME_MAX = 255;
  private static final int BLOCK = 4096;
  private static final int STAT_BLOCK = 512;

  /** Attributes in other name spaces are Larder's own, as on kernel mounts. */
  private static final String SHOWN = "user.";

  private final Catalog catalog;
  private final TreeFiles files;
  private final TreeConfig config;
  private final HandleTable handles;
  private final ExecutorService waits =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("tree-read-", 0).factory());
  private volatile boolean isEnding;

  TreeOps(Catalog catalog, TreeFiles files, TreeConfig config) {
    this.catalog = catalog;
    this.files = files;
    this.config = config;
    this.handles = new HandleTable(config.openFilesMax());
  }

  /** An answer of an errno by the kernel's name. */
  static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Errno errno;

    Refusal(Errno errno) {
      super(errno.name(), null, false, false);
      this.errno = errno;
    }

    Errno errno() {
      return errno;
    }
  }

  /** What stat shows. */
  record Stat(
      long inode, int mode, long links, long uid, long gid, long size, long blocks, Instant time) {
    static Stat of(CatalogNode node) {
      int type =
          switch (node.type()) {
            case FILE -> 0100000;
            case DIRECTORY -> 0040000;
            case SYMLINK -> 0120000;
            case OTHER -> throw new Refusal(Errno.EIO);
          };
      long size = node.sizeBytes();
      return new Stat(
          node.inode(),
          type | node.mode(),
          node.links(),
          node.uid(),
          node.gid(),
          size,
          (size + STAT_BLOCK - 1) / STAT_BLOCK,
          node.mtime());
    }
  }

  /** What statfs shows: full, and read-only. */
  record Space(int blockBytes, long blocks, long files, int nameMax) {}

  /** Takes entries of a directory until it has no room. */
  interface EntryTaker {
    /**
     * Takes one entry.
     *
     * @param behind where to go on behind this entry
     * @return false if there was no room for it
     */
    boolean take(byte[] name, long inode, int mode, long behind);
  }

  Stat stat(String path) {
    return Stat.of(node(path));
  }

  byte[] readLink(String path) {
    String target = node(path).linkTarget().orElseThrow(() -> new Refusal(Errno.EINVAL));
    return bytes(target);
  }

  Space space() {
    CatalogTotals totals = catalog.totals();
    return new Space(
        BLOCK,
        (totals.bytes() + BLOCK - 1) / BLOCK,
        totals.files() + totals.directories() + totals.symlinks(),
        NAME_MAX);
  }

  /** Attribute names, each ended by a zero byte. */
  byte[] attributeNames(String path) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String name : node(path).xattrs().keySet()) {
      if (name.startsWith(SHOWN)) {
        out.writeBytes(bytes(name));
        out.write(0);
      }
    }
    return out.toByteArray();
  }

  byte[] attribute(String path, String name) {
    CatalogNode node = node(path);
    Map<String, byte[]> all = name.startsWith(SHOWN) ? node.xattrs() : Map.of();
    byte[] value = all.get(name);
    if (value == null) {
      throw new Refusal(Errno.ENODATA);
    }
    return value;
  }

  /** Opens a file; the number is the caller's until {@link #release}. */
  long open(String path) {
    CatalogNode node = node(path);
    if (node.type() != EntryType.FILE) {
      throw new Refusal(node.type() == EntryType.DIRECTORY ? Errno.EISDIR : Errno.ELOOP);
    }
    checkGoesOn();
    TreeFiles source = node.hasData() ? file -> new ImageFile(catalog, file) : files;
    long handle = handles.add(new OpenFile(node, source, waits, config.readsPerFileMax()));
    if (handle == 0) {
      throw new Refusal(Errno.ENFILE);
    }
    return handle;
  }

  /** Fills the target as far as the file goes. */
  void read(long handle, long offset, ByteBuffer target, BooleanSupplier interrupted) {
    OpenFile file = handles.get(handle);
    if (file == null) {
      throw new Refusal(Errno.EBADF);
    }
    checkGoesOn();
    file.read(offset, target, interrupted);
  }

  void release(long handle) {
    handles.release(handle);
  }

  int openFiles() {
    return handles.size();
  }

  /**
   * Entries of a directory. A place in it is 0 at the start, 1 behind {@code .}, 2 behind {@code
   * ..}, then the inode number of the entry before: it means the same in every process and on every
   * node.
   */
  void list(String path, long place, EntryTaker taker) {
    CatalogNode directory = node(path);
    if (directory.type() != EntryType.DIRECTORY) {
      throw new Refusal(Errno.ENOTDIR);
    }
    if (place < 1 && !taker.take(bytes("."), directory.inode(), 0040000, 1)) {
      return;
    }
    if (place < 2 && !taker.take(bytes(".."), parent(path).inode(), 0040000, 2)) {
      return;
    }
    // The root has the lowest number of all, so no entry's is 1 or 2.
    long behind = Math.max(place, 2);
    while (true) {
      List<CatalogNode> page = catalog.listBehind(directory, behind, 128);
      for (CatalogNode node : page) {
        behind = node.inode();
        if (!taker.take(bytes(node.name()), behind, Stat.of(node).mode(), behind)) {
          return;
        }
      }
      if (page.isEmpty()) {
        return;
      }
    }
  }

  private CatalogNode parent(String path) {
    return node(path.substring(0, Math.max(0, path.lastIndexOf('/'))));
  }

  private CatalogNode node(String path) {
    Optional<CatalogNode> found = catalog.lookup(path);
    return found.orElseThrow(
        () -> new Refusal(hasLongName(path) ? Errno.ENAMETOOLONG : Errno.ENOENT));
  }

  /** The kernel lets names through that are longer than any the catalog holds. */
  private static boolean hasLongName(String path) {
    for (String name : path.split("/")) {
      if (bytes(name).length > NAME_MAX) {
        return true;
      }
    }
    return false;
  }

  private static byte[] bytes(String text) {
    byte @Nullable [] bytes = Names.encode(text);
    if (bytes == null) {
      throw new Refusal(Errno.EIO);
    }
    return bytes;
  }

  private void checkGoesOn() {
    if (isEnding) {
      throw new Refusal(Errno.ENOTCONN);
    }
  }

  /** Ends reads that wait, and refuses opens and reads from here on. */
  void end() {
    isEnding = true;
    handles.cancelAll();
  }

  @Override
  public void close() {
    end();
    waits.shutdown();
  }

  /** A file whose bytes the catalog holds. */
  private record ImageFile(Catalog catalog, CatalogNode node) implements TreeFile {
    @Override
    public boolean isLocal() {
      return true;
    }

    @Override
    public void read(long offset, ByteBuffer target) throws LarderException {
      catalog.readData(node, offset, target);
    }

    @Override
    public void close() {
      // Nothing of its own.
    }
  }
}
