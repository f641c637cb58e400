package dev.larder.mount;

import dev.larder.linux.Fd;
import dev.larder.linux.Lease;
import dev.larder.linux.LinuxException;
import dev.larder.protocol.BlobKey;
import dev.larder.store.VictimGuard;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps blobs from eviction that somebody reads through a mount: by what the kernel has open
 * through FUSE, and by a lease on the file for what it reads by itself. Any thread.
 */
final class LeaseGuard implements VictimGuard {
  private static final Logger log = LoggerFactory.getLogger(LeaseGuard.class);

  private final KeeperLink keeper;

  LeaseGuard(KeeperLink keeper) {
    this.keeper = keeper;
  }

  @Override
  public boolean mayEvict(BlobKey key, Path file) {
    if (!keeper.isServing()) {
      return true;
    }
    if (keeper.isOpen(key)) {
      return false;
    }
    try (Fd fd = Fd.open(file, Fd.O_RDONLY | Fd.O_CLOEXEC | Fd.O_NOFOLLOW);
        Lease lease = Lease.tryTake(fd)) {
      return lease != null;
    } catch (LinuxException e) {
      log.debug("no lease file={}: {}", file.getFileName(), e.getMessage());
      return true;
    }
  }
}
