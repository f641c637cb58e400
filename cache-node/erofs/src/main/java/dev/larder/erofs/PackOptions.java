package dev.larder.erofs;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.util.function.BooleanSupplier;

/**
 * How a catalog is packed.
 *
 * @param fileBytesMax largest file whose bytes go into the image, 1 byte to 1 MiB; each takes whole
 *     blocks of 4096 bytes
 * @param progress called on the packer's thread, see {@link Progress}
 * @param cancelled asked on the packer's thread before each file and each MiB; once it says true,
 *     packing ends with CANCELLED
 */
public record PackOptions(int fileBytesMax, Progress progress, BooleanSupplier cancelled) {
  /** Largest value of {@code fileBytesMax}. */
  public static final int FILE_BYTES_MAX_MAX = 1 << 20;

  /** Files up to 64 KiB, which is what the store keeps as small; nobody watches, nobody cancels. */
  public static final PackOptions DEFAULT =
      new PackOptions(64 << 10, (files, bytes) -> {}, () -> false);

  /** Told how far packing is. */
  @FunctionalInterface
  public interface Progress {
    /** Files between two calls. */
    int STEP = 1000;

    /**
     * Called after every {@link #STEP} files and after the last.
     *
     * @param files files packed so far
     * @param bytes sum of their sizes
     */
    void packed(long files, long bytes);
  }

  /**
   * Checks the bound.
   *
   * @throws LarderException BAD_CONFIG
   */
  public PackOptions {
    if (fileBytesMax < 1 || fileBytesMax > FILE_BYTES_MAX_MAX) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG, "the largest file to pack is 1 byte to 1 MiB, got " + fileBytesMax);
    }
  }

  /** These options with another bound. */
  public PackOptions withFileBytesMax(int bytes) {
    return new PackOptions(bytes, progress, cancelled);
  }

  /** These options with a listener. */
  public PackOptions withProgress(Progress listener) {
    return new PackOptions(fileBytesMax, listener, cancelled);
  }

  /** These options with a way to stop. */
  public PackOptions withCancel(BooleanSupplier isCancelled) {
    return new PackOptions(fileBytesMax, progress, isCancelled);
  }
}
