package dev.larder.perf.process;

import dev.larder.perf.Bench;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** {@code rclone mount} of a bucket, with its cache of whole files: a peer of mounts. */
public final class RcloneMount implements AutoCloseable {
  private static final long START_NANOS_MAX = 30_000_000_000L;

  private final ChildProcess process;

  private RcloneMount(ChildProcess process) {
    this.process = process;
  }

  /**
   * Mounts a bucket; empty when rclone or what it needs is not installed. Whoever kills the harness
   * leaves the mount to the reaper of the work directory.
   *
   * @param endpoint of an S3 server that asks for no credentials
   * @param target an empty directory
   */
  public static Optional<RcloneMount> start(
      Bench bench, String endpoint, String bucket, Path target)
      throws IOException, InterruptedException {
    Optional<Path> program = Bench.program("rclone");
    if (program.isEmpty()) {
      bench.say("  rclone is not installed (https://rclone.org/install): no figures of that peer");
      return Optional.empty();
    }
    if (Bench.program("fusermount3").isEmpty()) {
      bench.say("  rclone needs fusermount3 (Debian: apt-get install fuse3): no figures of it");
      return Optional.empty();
    }
    Path cache = bench.fresh("rclone-cache");
    Path none = Files.createFile(cache.resolve("empty.conf"));
    // The bytes stay in its cache and nothing is asked for again: what it is quickest at.
    ChildProcess process =
        bench
            .children()
            .start(
                "rclone",
                List.of(
                    program.get().toString(),
                    "mount",
                    ":s3:" + bucket,
                    target.toString(),
                    "--config=" + none,
                    "--cache-dir=" + cache,
                    "--read-only",
                    "--vfs-cache-mode=full",
                    "--vfs-cache-max-age=24h",
                    "--dir-cache-time=24h",
                    "--attr-timeout=24h",
                    "--s3-provider=Other",
                    "--s3-endpoint=" + endpoint,
                    "--s3-region=us-east-1",
                    "--s3-force-path-style=true",
                    "--s3-list-version=2"),
                Map.of());
    RcloneMount mount = new RcloneMount(process);
    try {
      mount.awaitMounted(target);
      return Optional.of(mount);
    } catch (IOException e) {
      mount.close();
      throw e;
    }
  }

  private void awaitMounted(Path target) throws IOException {
    long deadline = System.nanoTime() + START_NANOS_MAX;
    while (!Files.readString(Path.of("/proc/self/mountinfo")).contains(" " + target + " ")) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new IOException("rclone did not mount; see " + process.log());
      }
      LockSupport.parkNanos(20_000_000);
    }
  }

  /** Unmounts. */
  @Override
  public void close() {
    process.close();
  }
}
