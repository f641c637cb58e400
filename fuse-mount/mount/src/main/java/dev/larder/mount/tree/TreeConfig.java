package dev.larder.mount.tree;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;

/**
 * Bounds of one tree mount.
 *
 * @param threadsMax {@code mount.tree-threads-max}: threads that answer the kernel, each with a
 *     buffer of 132 KiB; a reader that waits for an origin holds one
 * @param openFilesMax {@code mount.tree-open-files-max}: files open at once; more get ENFILE
 * @param readsPerFileMax {@code mount.tree-reads-per-file-max}: reads of one open file at once;
 *     more wait their turn
 */
public record TreeConfig(int threadsMax, int openFilesMax, int readsPerFileMax) {

  /** Checks bounds; BAD_CONFIG names the key. */
  public TreeConfig {
    check("mount.tree-threads-max", threadsMax, 4, 10_000);
    check("mount.tree-open-files-max", openFilesMax, 1, 10_000_000);
    check("mount.tree-reads-per-file-max", readsPerFileMax, 1, 10_000);
  }

  /** 256 threads, 100,000 open files, 32 reads of each at once. */
  public static TreeConfig defaults() {
    return new TreeConfig(256, 100_000, 32);
  }

  private static void check(String key, int value, int min, int max) {
    if (value < min || value > max) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, key + " must be " + min + " to " + max + ": " + value);
    }
  }
}
