package dev.larder.fuse;

import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.time.Duration;

/**
 * How blobs are served to the kernel. Keys in the configuration stand beside each component; slots
 * and rows are the keeper's, who makes the shared memory.
 *
 * @param slots {@code mount.slots}: requests in flight at once; further ones wait in the kernel
 * @param rowsMax {@code mount.rows-max}: blobs the kernel knows at once; when they are all open a
 *     further one is ENFILE
 * @param readers {@code mount.readers}: threads that read requests and answer what is local; 0
 *     means two a core, 4 to 16
 * @param workersMax {@code mount.workers-max}: threads that wait for bytes on behalf of readers;
 *     further requests queue for them
 * @param replyBufferBytes {@code mount.reply-buffers}: locked memory for the answers of workers
 * @param backingMax {@code mount.backing-max}: files the kernel reads by itself through FUSE; the
 *     rest is read through the agent
 * @param readDeadline {@code mount.read-deadline}: a request that cannot be answered for so long
 *     ends with EIO
 * @param passthrough {@code mount.passthrough}: whether the kernel may read sealed files by itself
 */
public record FuseConfig(
    int slots,
    int rowsMax,
    int readers,
    int workersMax,
    long replyBufferBytes,
    int backingMax,
    Duration readDeadline,
    boolean passthrough) {

  private static final long MIB = 1L << 20;
  private static final int READERS_MAX = 64;
  private static final int WORKERS_MAX = 4096;

  /** Everything by default. */
  public static final FuseConfig DEFAULTS =
      new FuseConfig(512, 1 << 20, 0, 256, 32 * MIB, 1024, Duration.ofSeconds(60), true);

  /** Checks every bound; the message names its key. */
  public FuseConfig {
    SharedState.checkBounds(slots, rowsMax);
    require(readers >= 0 && readers <= READERS_MAX, "mount.readers", readers);
    require(workersMax >= 1 && workersMax <= WORKERS_MAX, "mount.workers-max", workersMax);
    require(replyBufferBytes >= 4 * MIB, "mount.reply-buffers", replyBufferBytes);
    require(backingMax >= 0, "mount.backing-max", backingMax);
    if (readDeadline.compareTo(Duration.ofSeconds(1)) < 0
        || readDeadline.compareTo(Duration.ofDays(1)) > 0) {
      throw new LarderException(
          ErrorCode.BAD_CONFIG,
          "mount.read-deadline: value out of range: "
              + readDeadline.toMillis() / 1000.0
              + " s; 1s to 24h");
    }
  }

  /** {@link #readers}, with 0 worked out for this machine. */
  int readerThreads() {
    return readers > 0
        ? readers
        : Math.clamp(2L * Runtime.getRuntime().availableProcessors(), 4, 16);
  }

  private static void require(boolean holds, String key, Object value) {
    if (!holds) {
      throw new LarderException(ErrorCode.BAD_CONFIG, key + ": value out of range: " + value);
    }
  }
}
