package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import dev.larder.protocol.Digest;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An open catalog, or any other uncompressed EROFS image, read through a mapping: nothing is loaded
 * into the heap, and opening costs the same for a file and for a million.
 *
 * <p>The image is not trusted. Whoever wants to know that it is the right one compares its SHA-256
 * with its key; this class only promises that damage becomes an exception. Symbolic links are
 * returned, never followed. A packed catalog holds the bytes of its small files; a plain one only
 * says in which blob they are.
 *
 * <p><b>Threads:</b> any. Calls touch pages of the file and may wait for the disk. <b>Errors:</b>
 * LarderException CATALOG_CORRUPT for damage and for features this reader lacks (compression, other
 * devices, long attribute prefixes), STORE_IO where the file cannot be read; IllegalStateException
 * after {@link #close}.
 */
public final class Catalog implements AutoCloseable {
  private final Arena arena;
  private final MemorySegment file;
  private final ImageReader image;
  private final @Nullable CatalogFooter footer;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile @Nullable CatalogTotals counted;

  /** The arena is closed with the catalog; by the caller if this throws. */
  Catalog(Arena arena, MemorySegment file) {
    this.arena = arena;
    this.file = file;
    this.image = new ImageReader(file);
    this.footer = CatalogFooter.read(file).orElse(null);
    if (footer == null && image.isCatalogVolume()) {
      throw Erofs.corrupt("the catalog's end is missing");
    }
    if (footer != null && footer.erofsBytes() != image.limit()) {
      throw Erofs.corrupt("the catalog's footer belongs to another image");
    }
    root();
  }

  /**
   * Maps an image. The file may be unlinked afterwards; it must not be changed or cut off while it
   * is open.
   */
  public static Catalog open(Path path) {
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return faultsMapped(() -> new Catalog(arena, file));
    } catch (IOException e) {
      arena.close();
      throw Erofs.ioFault("cannot open a catalog", e);
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** The root directory. */
  public CatalogNode root() {
    return guarded(() -> {
      CatalogNode root = new CatalogNode(this, image.inode(image.rootNid()), "");
      if (root.type() != EntryType.DIRECTORY) {
        throw Erofs.corrupt("the root is no directory");
      }
      return root;
    });
  }

  /**
   * What stands at a path, by binary search in each directory on the way.
   *
   * @param path from the root, no leading or trailing slash; empty for the root
   * @return empty if there is nothing, also where a part of the path is empty, {@code .} or {@code
   *     ..}
   */
  public Optional<CatalogNode> lookup(String path) {
    return guarded(() -> {
      CatalogNode node = root();
      if (path.isEmpty()) {
        return Optional.of(node);
      }
      int start = 0;
      while (start <= path.length()) {
        int slash = path.indexOf('/', start);
        int end = slash < 0 ? path.length() : slash;
        Optional<CatalogNode> next = childNamed(node, path.substring(start, end));
        if (next.isEmpty()) {
          return next;
        }
        node = next.get();
        start = end + 1;
      }
      return Optional.of(node);
    });
  }

  private Optional<CatalogNode> childNamed(CatalogNode directory, String text) {
    byte[] name = Names.encode(text);
    boolean impossible =
        name == null
            || name.length == 0
            || name.length > Erofs.NAME_MAX
            || text.equals(".")
            || text.equals("..")
            || directory.type() != EntryType.DIRECTORY;
    if (impossible || name == null) {
      return Optional.empty();
    }
    long nid = new DirectoryReader(image, directory.raw()).find(name);
    return nid < 0 ? Optional.empty() : Optional.of(child(directory, name, nid));
  }

  CatalogNode child(CatalogNode directory, byte[] name, long nid) {
    String text = Names.decode(name, 0, name.length);
    String path = directory.path().isEmpty() ? text : directory.path() + '/' + text;
    return new CatalogNode(this, image.inode(nid), path);
  }

  /**
   * Entries of a directory, names bytewise.
   *
   * @param afterName only names behind this one; it need not exist
   * @param limit most entries, at least 1
   * @throws LarderException also WRONG_TYPE if the node is no directory
   */
  public List<CatalogNode> list(CatalogNode directory, @Nullable String afterName, int limit) {
    checkMine(directory);
    checkDirectory(directory);
    if (limit < 1) {
      throw new IllegalArgumentException("limit is " + limit);
    }
    return guarded(() -> listed(directory, afterName, limit));
  }

  private List<CatalogNode> listed(CatalogNode directory, @Nullable String afterName, int limit) {
    DirectoryReader reader = new DirectoryReader(image, directory.raw());
    byte[] after = afterName == null ? null : Names.encode(afterName);
    if (afterName != null && after == null) {
      throw new LarderException(ErrorCode.BAD_REQUEST, "the name to go on behind has no bytes");
    }
    boolean sought = after != null && reader.seekName(after);
    long block = sought ? reader.block() : 0;
    int index = sought && after != null ? reader.firstNotBelow(after) : 0;
    return page(directory, reader, block, index, after, limit);
  }

  private List<CatalogNode> page(
      CatalogNode directory,
      DirectoryReader reader,
      long firstBlock,
      int firstIndex,
      byte @Nullable [] after,
      int limit) {
    List<CatalogNode> out = new ArrayList<>(Math.min(limit, 256));
    int index = firstIndex;
    for (long block = firstBlock;
        block < reader.blocks() && out.size() < limit;
        block++, index = 0) {
      reader.seek(block);
      for (; index < reader.count() && out.size() < limit; index++) {
        boolean same = after != null && reader.compareName(index, after) == 0;
        if (!same && !reader.isDots(index)) {
          out.add(child(directory, reader.name(index), reader.nid(index)));
        }
      }
    }
    return out;
  }

  /**
   * Entries of a directory of a catalog behind the one with this inode number, names bytewise: in a
   * catalog numbers ascend with names, so a number says how far a reader of the directory was.
   * Foreign images have no such order.
   *
   * @param afterInode 0 to start; need not be that of an entry
   * @param limit most entries, at least 1
   * @throws LarderException also WRONG_TYPE if the node is no directory
   */
  public List<CatalogNode> listBehind(CatalogNode directory, long afterInode, int limit) {
    checkMine(directory);
    checkDirectory(directory);
    if (limit < 1) {
      throw new IllegalArgumentException("limit is " + limit);
    }
    return guarded(() -> {
      DirectoryReader reader = new DirectoryReader(image, directory.raw());
      int index = reader.seekNid(afterInode) + 1;
      return page(directory, reader, Math.max(reader.block(), 0), index, null, limit);
    });
  }

  /**
   * Everything below a directory, directories before what they hold, names bytewise. (The order of
   * full paths taken as strings differs: there {@code a.b} comes before {@code a/b}.)
   *
   * @return for one thread; its methods throw as those of this class
   */
  public Iterator<CatalogNode> walk(CatalogNode directory) {
    checkMine(directory);
    checkDirectory(directory);
    Iterator<CatalogNode> walk = guarded(() -> new TreeWalk(this, image, directory));
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return guarded(walk::hasNext);
      }

      @Override
      public CatalogNode next() {
        return guarded(walk::next);
      }
    };
  }

  /**
   * A file whose bytes this key names: the first in tree order. Empty if no file has it, and in
   * foreign images.
   */
  public Optional<CatalogNode> byKey(BlobKey key) {
    CatalogFooter end = footer;
    if (end == null) {
      checkOpen();
      return Optional.empty();
    }
    return guarded(() -> keyTable().find(key));
  }

  /** What the tree holds. From the footer of a catalog; a foreign image is counted once. */
  public CatalogTotals totals() {
    CatalogFooter end = footer;
    if (end != null) {
      checkOpen();
      return end.totals();
    }
    CatalogTotals known = counted;
    if (known == null) {
      known = guarded(this::count);
      counted = known;
    }
    return known;
  }

  /**
   * Bytes of a file as this image holds them.
   *
   * @param offset in the file, at least 0
   * @param target filled from its position, as far as file and room go
   * @return bytes copied; -1 at or behind the end
   * @throws LarderException also WRONG_TYPE for anything but a file whose bytes are in the image,
   *     see {@link CatalogNode#hasData}; others are in their blobs
   */
  public int readData(CatalogNode node, long offset, ByteBuffer target) {
    checkMine(node);
    if (offset < 0) {
      throw new LarderException(ErrorCode.BAD_RANGE, "offset is negative: " + offset);
    }
    return guarded(() -> readChecked(node, offset, target));
  }

  private int readChecked(CatalogNode node, long offset, ByteBuffer target) {
    if (node.type() != EntryType.FILE || isMetadataOnly(node.raw())) {
      throw new LarderException(
          ErrorCode.WRONG_TYPE, "the image does not hold the bytes of " + node.path());
    }
    if (offset >= node.sizeBytes()) {
      return -1;
    }
    int wanted = (int) Math.min(target.remaining(), node.sizeBytes() - offset);
    for (int done = 0; done < wanted; ) {
      ImageReader.Run run = image.map(node.raw(), offset + done);
      int now = (int) Math.min(run.length(), wanted - done);
      if (run.at() < 0) {
        target.put(new byte[now]);
      } else {
        MemorySegment.ofBuffer(target).asSlice(0, now).copyFrom(image.slice(run.at(), now));
        target.position(target.position() + now);
      }
      done += now;
    }
    return wanted;
  }

  boolean hasData(Inode inode) {
    return guarded(() -> inode.type() == EntryType.FILE && !isMetadataOnly(inode));
  }

  private boolean isMetadataOnly(Inode inode) {
    return value(inode, Erofs.XATTR_TRUSTED, Erofs.METACOPY) != null;
  }

  /**
   * Reads all of the image and checks that it agrees with itself: the tree, the totals, the key
   * table. Takes seconds for a million files.
   *
   * @throws LarderException CATALOG_CORRUPT with what does not agree
   */
  public void verify() {
    CatalogTotals found = guarded(this::count);
    CatalogFooter end = footer;
    if (end == null) {
      return;
    }
    if (!found.equals(end.totals())) {
      throw Erofs.corrupt("the footer promises " + end.totals() + ", the tree holds " + found);
    }
    guarded(() -> {
      keyTable().verify();
      PackedCheck.check(this, image, end);
      return end;
    });
  }

  /**
   * The image holds the bytes of small files, see {@link CatalogPacker}. A packed catalog may hold
   * none, if no file is small.
   */
  public boolean isPacked() {
    checkOpen();
    return footer != null && footer.isPacked();
  }

  /** Files whose bytes a packed catalog holds; 0 for others. */
  public long packedFiles() {
    checkOpen();
    return footer == null ? 0 : footer.packedFiles();
  }

  /** Sum of the sizes of {@link #packedFiles}; files with equal keys count each. */
  public long packedBytes() {
    checkOpen();
    return footer == null ? 0 : footer.packedBytes();
  }

  /**
   * Digest over the entries of the listing the catalog was made from: equal in plain and packed
   * form. Two catalogs of one listing may still differ in the owner and modes of their options.
   * Empty for a foreign image.
   */
  public Optional<Digest> listing() {
    checkOpen();
    return footer == null ? Optional.empty() : Optional.of(Digest.of(footer.listing()));
  }

  /** Key of the plain catalog that a packed one was made from; empty for others. */
  public Optional<BlobKey> plainKey() {
    boolean packed = isPacked();
    CatalogFooter end = footer;
    return packed && end != null
        ? Optional.of(BlobKey.sha256(Digest.of(end.plain())))
        : Optional.empty();
  }

  private CatalogTotals count() {
    long files = 0;
    long directories = 1;
    long symlinks = 0;
    long bytes = 0;
    Iterator<CatalogNode> walk = new TreeWalk(this, image, root());
    while (walk.hasNext()) {
      CatalogNode node = walk.next();
      switch (node.type()) {
        case FILE -> {
          files++;
          bytes += node.sizeBytes();
        }
        case DIRECTORY -> directories++;
        case SYMLINK -> symlinks++;
        case OTHER -> {}
      }
    }
    return new CatalogTotals(files, directories, symlinks, bytes);
  }

  Optional<BlobKey> key(Inode inode) {
    return guarded(() -> {
      if (inode.type() != EntryType.FILE) {
        return Optional.empty();
      }
      byte[] place = value(inode, Erofs.XATTR_TRUSTED, Erofs.REDIRECT);
      int skip = 1;
      if (place == null) {
        place = value(inode, Erofs.XATTR_TRUSTED, Erofs.EMPTY_KEY);
        skip = 0;
      }
      if (place == null || place.length < skip) {
        return Optional.empty();
      }
      return parseKey(new String(place, skip, place.length - skip, StandardCharsets.UTF_8));
    });
  }

  private Optional<BlobKey> parseKey(String name) {
    try {
      return Optional.of(BlobKey.parseDiskName(name));
    } catch (LarderException e) {
      if (footer == null) {
        return Optional.empty();
      }
      throw new LarderException(
          ErrorCode.CATALOG_CORRUPT, "a redirect of the catalog is no blob key", e);
    }
  }

  Optional<String> version(Inode inode) {
    return guarded(() -> {
      byte[] value = value(inode, Erofs.XATTR_USER, Erofs.VERSION);
      return value == null
          ? Optional.empty()
          : Optional.of(new String(value, StandardCharsets.UTF_8));
    });
  }

  Optional<String> linkTarget(Inode inode) {
    if (inode.type() != EntryType.SYMLINK) {
      return Optional.empty();
    }
    return guarded(() -> {
      byte[] target = image.content(inode, Erofs.PATH_MAX);
      return Optional.of(Names.decode(target, 0, target.length));
    });
  }

  Map<String, byte[]> attributes(Inode inode) {
    return guarded(() -> image.attributes(inode));
  }

  private byte @Nullable [] value(Inode inode, int kind, byte[] wanted) {
    byte[][] found = new byte[1][];
    image.visitAttributes(
        inode,
        (index, nameAt, nameLength, valueAt, valueLength) -> {
          if (index != kind || image.compare(nameAt, nameLength, wanted) != 0) {
            return true;
          }
          byte[] value = new byte[valueLength];
          image.copy(valueAt, value, 0, valueLength);
          found[0] = value;
          return false;
        });
    return found[0];
  }

  /** Only of a catalog. */
  KeyTable keyTable() {
    CatalogFooter end = footer;
    if (end == null) {
      throw new IllegalStateException("a foreign image has no key table");
    }
    return new KeyTable(this, image, file, end);
  }

  @Nullable CatalogFooter footer() {
    return footer;
  }

  ImageReader image() {
    return image;
  }

  /** The whole file. */
  MemorySegment mapped() {
    return file;
  }

  <T> T guarded(Supplier<T> work) {
    checkOpen();
    return faultsMapped(work);
  }

  private static <T> T faultsMapped(Supplier<T> work) {
    try {
      return work.get();
    } catch (InternalError e) {
      // What the JVM makes of SIGBUS: the disk failed under the mapping, or the file was cut off.
      throw new LarderException(ErrorCode.STORE_IO, "a catalog's page cannot be read", e);
    }
  }

  private void checkOpen() {
    if (closed.get()) {
      throw new IllegalStateException("the catalog is closed");
    }
  }

  private void checkMine(CatalogNode node) {
    if (node.catalog() != this) {
      throw new IllegalArgumentException("the node belongs to another catalog");
    }
  }

  private static void checkDirectory(CatalogNode node) {
    if (node.type() != EntryType.DIRECTORY) {
      throw new LarderException(ErrorCode.WRONG_TYPE, "not a directory: " + node.path());
    }
  }

  /**
   * Unmaps the image. Calls that run meanwhile on other threads end as they would have, or with
   * IllegalStateException; later ones with the latter.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    while (true) {
      try {
        arena.close();
        return;
      } catch (IllegalStateException e) {
        if (!arena.scope().isAlive()) {
          return;
        }
        // A bulk copy holds the mapping; it ends by itself.
        Thread.onSpinWait();
      }
    }
  }
}
