package dev.larder.erofs;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Decides what the kernel can hold. Pure. */
final class EntryCheck {
  private static final long SIZE_MAX = 1L << 50;
  private static final int ROOT_ATTRIBUTES_MAX = 2048;

  private EntryCheck() {}

  /** Why the entry cannot be in a catalog, or null. */
  static @Nullable SkipReason reject(CatalogEntry entry, byte[] path) {
    boolean root = path.length == 0 && entry.type() == EntryType.DIRECTORY;
    SkipReason reason = root ? null : rejectPath(path);
    if (reason != null) {
      return reason;
    }
    if (entry.sizeBytes() > SIZE_MAX) {
      return SkipReason.TOO_LARGE;
    }
    String target = entry.linkTarget();
    if (target != null) {
      byte[] bytes = Names.encode(target);
      if (bytes == null
          || bytes.length == 0
          || bytes.length > Erofs.LINK_TARGET_MAX
          || target.indexOf(0) >= 0) {
        return SkipReason.BAD_LINK_TARGET;
      }
    }
    // The root's inode and attributes lie within the first block.
    return rejectAttributes(entry, root ? ROOT_ATTRIBUTES_MAX : EntryRecord.ATTRIBUTES_MAX);
  }

  private static @Nullable SkipReason rejectPath(byte[] path) {
    if (path.length > Erofs.PATH_MAX) {
      return SkipReason.PATH_TOO_LONG;
    }
    int start = 0;
    for (int i = 0; i <= path.length; i++) {
      if (i < path.length && path[i] == 0) {
        return SkipReason.NUL_IN_NAME;
      }
      if (i == path.length || path[i] == '/') {
        SkipReason reason = rejectName(path, start, i - start);
        if (reason != null) {
          return reason;
        }
        start = i + 1;
      }
    }
    return null;
  }

  private static @Nullable SkipReason rejectName(byte[] path, int start, int length) {
    if (length == 0) {
      return SkipReason.EMPTY_NAME;
    }
    if (length > Erofs.NAME_MAX) {
      return SkipReason.NAME_TOO_LONG;
    }
    boolean dots = path[start] == '.' && (length == 1 || (length == 2 && path[start + 1] == '.'));
    return dots ? SkipReason.DOT_NAME : null;
  }

  private static @Nullable SkipReason rejectAttributes(CatalogEntry entry, int max) {
    String version = entry.version();
    long bytes = version == null ? 0 : version.getBytes(StandardCharsets.UTF_8).length;
    for (Map.Entry<String, byte[]> xattr : entry.userXattrs().entrySet()) {
      int name = xattr.getKey().getBytes(StandardCharsets.UTF_8).length;
      if (name > Erofs.NAME_MAX) {
        return SkipReason.ATTRIBUTES_TOO_LARGE;
      }
      bytes += 4 + 4 + name + xattr.getValue().length;
    }
    return bytes > max ? SkipReason.ATTRIBUTES_TOO_LARGE : null;
  }
}
