package dev.larder.keeper;

import dev.larder.linux.Errno;
import dev.larder.linux.FileSystems;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * Tells whether a FUSE connection that this keeper has no descriptor of is dead. While an agent
 * holds it, STATFS is answered or waits; once the last holder is gone it fails.
 *
 * <p><b>Threads:</b> any; one of its own, which may hang in the kernel as long as the connection
 * lives.
 */
final class ConnectionProbe {
  private static final long EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

  private final Path mount;
  private final CompletableFuture<Void> dead = new CompletableFuture<>();
  private volatile boolean isStopped;

  ConnectionProbe(Path mount) {
    this.mount = mount;
  }

  void start() {
    Thread thread = new Thread(this::run, "keeper-probe");
    thread.setDaemon(true);
    thread.start();
  }

  /** Completes when it is dead. */
  CompletableFuture<Void> dead() {
    return dead;
  }

  /** Whether it is found dead within a while. */
  boolean isDeadWithin(int millis) {
    try {
      dead.get(millis, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException("the probe never fails", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  void stop() {
    isStopped = true;
  }

  private void run() {
    while (!isStopped) {
      int result = FileSystems.probe(mount);
      if (result == -Errno.ENOTCONN || result == -Errno.ECONNABORTED) {
        if (!isStopped) {
          dead.complete(null);
        }
        return;
      }
      LockSupport.parkNanos(this, EVERY_NANOS);
    }
  }
}
