package dev.larder.erofs;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.function.Consumer;

/**
 * How a catalog is written.
 *
 * @param fileMode permission bits of files that bring none
 * @param directoryMode permission bits of directories that bring none
 * @param uid owner of entries that bring none, 0 to 2^32-2
 * @param gid group of entries that bring none, 0 to 2^32-2
 * @param sortMemoryBytes bound on the heap that sorting takes, 4 MiB to 1 GiB; the writer's other
 *     buffers stay below 4 MiB, plus 10 KiB for each level of the deepest path
 * @param examplesPerReason how many skipped entries of each reason go to {@code onSkipped}
 * @param onSkipped called on the writer's thread; what it throws ends the writing
 */
public record CatalogOptions(
    int fileMode,
    int directoryMode,
    long uid,
    long gid,
    long sortMemoryBytes,
    int examplesPerReason,
    Consumer<SkippedEntry> onSkipped) {

  /** 0444 and 0555, owner root, 24 MiB for sorting, skipped entries only counted. */
  public static final CatalogOptions DEFAULT =
      new CatalogOptions(0444, 0555, 0, 0, 24L << 20, 0, skipped -> {});

  private static final long ID_MAX = 0xFFFF_FFFEL;

  /**
   * Checks the bounds.
   *
   * @throws LarderException BAD_CONFIG
   */
  public CatalogOptions {
    check(fileMode >= 0 && fileMode <= 07777, "catalog.file-mode is four octal digits");
    check(directoryMode >= 0 && directoryMode <= 07777, "catalog.directory-mode is octal");
    check(uid >= 0 && uid <= ID_MAX, "catalog.uid is 0 to 4294967294");
    check(gid >= 0 && gid <= ID_MAX, "catalog.gid is 0 to 4294967294");
    check(
        sortMemoryBytes >= 4L << 20 && sortMemoryBytes <= 1L << 30,
        "catalog.sort-memory is 4 MiB to 1 GiB");
    check(examplesPerReason >= 0, "catalog.skipped-examples is not negative");
  }

  /** These options with another bound on sorting. */
  public CatalogOptions withSortMemory(long bytes) {
    return new CatalogOptions(
        fileMode, directoryMode, uid, gid, bytes, examplesPerReason, onSkipped);
  }

  /** These options with the first {@code perReason} skipped entries of each reason told. */
  public CatalogOptions withSkipped(int perReason, Consumer<SkippedEntry> listener) {
    return new CatalogOptions(
        fileMode, directoryMode, uid, gid, sortMemoryBytes, perReason, listener);
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, message);
    }
  }
}
