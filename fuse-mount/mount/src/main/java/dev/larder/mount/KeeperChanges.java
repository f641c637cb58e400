package dev.larder.mount;

import dev.larder.agent.mount.Mounts.UnmountMode;
import dev.larder.mount.Keeping.Shown;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a node has its keeper change, with the patience and the words that a keeper lacks. Any
 * thread; calls wait for the keeper.
 */
final class KeeperChanges {
  private static final Logger log = LoggerFactory.getLogger(KeeperChanges.class);
  private static final long RETRY_NANOS = Duration.ofMillis(20).toNanos();

  private final Keeping keeper;
  private final Duration patience;

  /** Views whose remount failed, so that each is told of once. */
  private final Set<String> notRemounted = ConcurrentHashMap.newKeySet();

  /**
   * Changes by a keeper.
   *
   * @param patience {@code keeper.start-deadline}: how long one that hangs up is asked again
   */
  KeeperChanges(Keeping keeper, Duration patience) {
    this.keeper = keeper;
    this.patience = patience;
  }

  /**
   * Has the keeper change something; anything may be asked for twice. A keeper hangs up when it is
   * replaced, and whenever it made a new FUSE connection, which a forced unmount beside this has it
   * do again and again.
   */
  void change(Runnable steps) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      keeper.require();
      try {
        steps.run();
        return;
      } catch (LarderException e) {
        if (e.code() != ErrorCode.CLOSED || System.nanoTime() - deadline > 0) {
          throw e;
        }
        log.info("once more, by the next keeper or over the next connection");
        LockSupport.parkNanos(RETRY_NANOS);
      }
    }
  }

  /** Takes a mount away; MOUNT_BUSY says what keeps it and what to do. */
  void detach(Path target, UnmountMode mode) {
    try {
      keeper.detach(target, mode != UnmountMode.PLAIN, mode == UnmountMode.FORCE);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.MOUNT_BUSY) {
        throw e;
      }
      Shown shown = look().orElse(Map.of()).get(target);
      if (shown != null && shown.isCovered()) {
        throw new LarderException(
            ErrorCode.MOUNT_BUSY,
            target
                + " is covered by another mount ("
                + e.getMessage()
                + "); take that away first: umount "
                + target,
            e);
      }
      throw new LarderException(
          ErrorCode.MOUNT_BUSY,
          "files of "
              + target
              + " are open, or a process stands in it; close them, or unmount with --lazy",
          e);
    }
  }

  /** Takes a mount away if it is there; answers whether there was anything. */
  boolean detachQuietly(Path target, UnmountMode mode) {
    try {
      detach(target, mode);
      return true;
    } catch (LarderException e) {
      if (e.code() != ErrorCode.UNKNOWN_MOUNT) {
        throw e;
      }
      return false;
    }
  }

  /**
   * Moves files of views to the disk and gives room back.
   *
   * @param views all there are
   * @return whether there is nothing that is worth another try
   */
  boolean remount(Set<String> views) {
    notRemounted.retainAll(views);
    boolean isDone = true;
    for (String view : views) {
      try {
        keeper.remount(view);
        notRemounted.remove(view);
      } catch (LarderException e) {
        isDone &= e.code() == ErrorCode.UNKNOWN_MOUNT;
        if (notRemounted.add(view)) {
          log.warn("not remounted view={} code={}: {}", view, e.code(), e.getMessage());
        }
      }
    }
    return isDone;
  }

  /** What is shown where, as the keeper sees it; empty when it does not answer. */
  Optional<Map<Path, Shown>> look() {
    if (!keeper.isServing()) {
      return Optional.empty();
    }
    try {
      return Optional.of(byTarget(keeper.shownSoon()));
    } catch (LarderException e) {
      log.debug("the keeper does not say what is shown code={}: {}", e.code(), e.getMessage());
      return Optional.empty();
    }
  }

  static Map<Path, Shown> byTarget(List<Shown> shown) {
    return shown.stream().collect(Collectors.toMap(Shown::target, each -> each));
  }
}
