package dev.larder.erofs;

import dev.larder.protocol.BlobKey;
import java.time.Instant;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a listing, as {@link CatalogWriter#add} takes it.
 *
 * @param path from the root, '/'-separated, no leading slash; a directory's may end in one slash,
 *     and the empty path is the root directory itself. Bytes that are no UTF-8 are written as the
 *     characters U+DC80 to U+DCFF, as {@link Catalog} returns them.
 * @param type anything but OTHER
 * @param sizeBytes size of a file; 0 for others
 * @param mtime time of last change, kept to the nanosecond
 * @param key names the file's bytes; set for files, and only for them
 * @param version version token of the origin, shown to users as {@code user.larder.version}
 * @param linkTarget set for symbolic links, and only for them
 * @param userXattrs further attributes by full name, which starts with {@code user.}
 * @param mode permission bits, else those of the options; a link's are always 0777
 * @param uid owner, else that of the options
 * @param gid group, else that of the options
 */
public record CatalogEntry(
    String path,
    EntryType type,
    long sizeBytes,
    Instant mtime,
    @Nullable BlobKey key,
    @Nullable String version,
    @Nullable String linkTarget,
    Map<String, byte[]> userXattrs,
    OptionalInt mode,
    OptionalLong uid,
    OptionalLong gid) {

  /** Name of the attribute that {@code version} becomes. */
  public static final String VERSION_XATTR = "user.larder.version";

  /**
   * Checks what a correct caller cannot get wrong.
   *
   * @throws IllegalArgumentException for a defect of the caller; what an origin may list and the
   *     kernel cannot hold is no such defect, the writer counts it
   */
  public CatalogEntry {
    userXattrs = Map.copyOf(userXattrs);
    require(type != EntryType.OTHER, "a catalog holds files, directories and links");
    require(sizeBytes >= 0, "size is negative");
    require(type == EntryType.FILE || sizeBytes == 0, "only files have a size");
    require((key != null) == (type == EntryType.FILE), "files have a key, others none");
    require((linkTarget != null) == (type == EntryType.SYMLINK), "links have a target");
    require(mode.isEmpty() || (mode.getAsInt() & ~07777) == 0, "mode is permission bits only");
    require(isId(uid) && isId(gid), "owner and group are 0 to 2^32-2");
    for (String name : userXattrs.keySet()) {
      require(
          name.startsWith("user.") && name.length() > 5 && name.indexOf(0) < 0,
          "attributes start with user.");
      require(!name.equals(VERSION_XATTR), "the version is not an attribute of the caller");
    }
  }

  /** A file with the defaults of the options. */
  public static CatalogEntry file(
      String path, long sizeBytes, Instant mtime, BlobKey key, @Nullable String version) {
    return new CatalogEntry(
        path,
        EntryType.FILE,
        sizeBytes,
        mtime,
        key,
        version,
        null,
        Map.of(),
        OptionalInt.empty(),
        OptionalLong.empty(),
        OptionalLong.empty());
  }

  /** A directory that stands in the listing by itself. */
  public static CatalogEntry directory(String path, Instant mtime) {
    return new CatalogEntry(
        path,
        EntryType.DIRECTORY,
        0,
        mtime,
        null,
        null,
        null,
        Map.of(),
        OptionalInt.empty(),
        OptionalLong.empty(),
        OptionalLong.empty());
  }

  /** A symbolic link. */
  public static CatalogEntry symlink(String path, String target, Instant mtime) {
    return new CatalogEntry(
        path,
        EntryType.SYMLINK,
        0,
        mtime,
        null,
        null,
        target,
        Map.of(),
        OptionalInt.empty(),
        OptionalLong.empty(),
        OptionalLong.empty());
  }

  /** This entry with further attributes; the arrays are not copied. */
  public CatalogEntry withXattrs(Map<String, byte[]> xattrs) {
    return new CatalogEntry(
        path, type, sizeBytes, mtime, key, version, linkTarget, xattrs, mode, uid, gid);
  }

  /** This entry with an owner and permission bits of its own. */
  public CatalogEntry withOwner(int mode, long uid, long gid) {
    return new CatalogEntry(
        path,
        type,
        sizeBytes,
        mtime,
        key,
        version,
        linkTarget,
        userXattrs,
        OptionalInt.of(mode),
        OptionalLong.of(uid),
        OptionalLong.of(gid));
  }

  private static boolean isId(OptionalLong id) {
    return id.isEmpty() || (id.getAsLong() >= 0 && id.getAsLong() <= 0xFFFF_FFFEL);
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
