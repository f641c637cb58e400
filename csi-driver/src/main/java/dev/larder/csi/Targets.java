package dev.larder.csi;

import dev.larder.agent.mount.Mounts;
import dev.larder.linux.Directories;
import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountTable;
import dev.larder.protocol.ErrorCode;
import dev.larder.protocol.LarderException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directories that pods see volumes at. Only directories are made here, and only empty ones
 * taken away; no link is ever followed at the last place. What others may have mounted there is
 * looked at by the keeper, which bounds it, and not from here: it may neither answer nor fail, and
 * would keep a virtual thread's carrier. <b>Threads:</b> any; changes of one target take turns.
 */
final class Targets {
  private static final Logger log = LoggerFactory.getLogger(Targets.class);
  private static final int BYTES_MAX = 4095;
  // PODS/UID/volumes/kubernetes.io~csi/NAME/mount
  private static final int LEVELS_TO_POD = 4;
  private static final String USER_NAMESPACE = "userns";

  /** Why there is no directory to take away, or none that could have been made. */
  private static final Set<Integer> NO_DIRECTORY =
      Set.of(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENAMETOOLONG);

  private final Mounts mounts;
  private final Duration checkEvery;
  private long checkedAt;
  private @Nullable Set<String> shown;

  Targets(Mounts mounts, Duration checkEvery) {
    this.mounts = mounts;
    this.checkEvery = checkEvery;
  }

  /**
   * Checks a target's name.
   *
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT
   */
  static Path checked(String text) {
    if (text.isEmpty()) {
      throw Statuses.invalid("target_path is missing");
    }
    try {
      Path path = Path.of(text);
      boolean isPlain = path.isAbsolute() && path.equals(path.normalize());
      if (isPlain && path.getNameCount() > 0 && text.length() <= BYTES_MAX) {
        return canonical(path);
      }
    } catch (InvalidPathException e) {
      // A NUL, for one.
      throw Statuses.invalid("target_path: \"" + VolumeIds.shown(text) + "\" is no path");
    }
    throw Statuses.invalid(
        "target_path: \"" + VolumeIds.shown(text) + "\" is not an absolute path without . and ..");
  }

  /** As the kernel's list of mounts has it: links above the last part are followed. */
  private static Path canonical(Path path) {
    Path parent = path.getParent();
    Path name = path.getFileName();
    if (parent == null || name == null) {
      return path;
    }
    try {
      return parent.toRealPath().resolve(name);
    } catch (IOException e) {
      // Nothing can be mounted there; whoever makes the directory says so.
      return path;
    }
  }

  /**
   * Refuses pods with a user namespace of their own: the kernel cannot map the owners of an
   * overlay. Kubelet notes the mapping beside the pod's volumes.
   *
   * @throws io.grpc.StatusRuntimeException FAILED_PRECONDITION
   */
  static void requireHostUsers(Path target) {
    Path pod = target;
    for (int i = 0; i < LEVELS_TO_POD; i++) {
      pod = pod.getParent();
      if (pod == null) {
        return;
      }
    }
    if (Files.exists(pod.resolve(USER_NAMESPACE), LinkOption.NOFOLLOW_LINKS)) {
      throw Statuses.failed(
          "the pod has hostUsers: false, and the kernel cannot map users in a volume of Larder"
              + " (overlayfs does not support idmapped mounts); remove hostUsers: false");
    }
  }

  /** Whether something of Larder is on top of a target, as of a moment ago at most. */
  boolean isShownLately(Path target) {
    return shown().contains(target.toString());
  }

  private synchronized Set<String> shown() {
    long now = System.nanoTime();
    Set<String> last = shown;
    if (last == null || now - checkedAt > checkEvery.toNanos()) {
      last =
          table().entries().stream()
              .filter(Targets::isOurs)
              .map(MountEntry::mountPoint)
              .collect(Collectors.toSet());
      shown = last;
      checkedAt = now;
    }
    return last;
  }

  /** What was known of mounts is old: one was made or taken away. */
  synchronized void changed() {
    shown = null;
  }

  private static boolean isOurs(MountEntry entry) {
    return entry.source().startsWith("larder:");
  }

  private static MountTable table() {
    try {
      return MountTable.read();
    } catch (IOException e) {
      throw new LarderException(ErrorCode.MOUNT_FAILED, "mounts cannot be listed: " + e, e);
    }
  }

  /**
   * Makes the directory of a target and takes away what a dead mount left there.
   *
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT for a file or link, FAILED_PRECONDITION
   *     where something else is mounted
   */
  void prepare(Path target) {
    if (isMade(target)) {
      // Nothing can be mounted at what was not there; the list of mounts is long to read.
      return;
    }
    MountEntry top = table().top(target);
    if (top != null && isOurs(top)) {
      // What an earlier try left; it may be of another snapshot.
      detach(target);
      top = table().top(target);
    }
    if (top != null) {
      // Refuses what still answers.
      mounts.detachDead(target);
    }
    if (!isMade(target)) {
      requireDirectory(target);
    }
  }

  /** Whether the directory was made; not if something is there. */
  private static boolean isMade(Path target) {
    try {
      Files.createDirectory(
          target,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-x---")));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    } catch (NoSuchFileException e) {
      throw Statuses.failed("target_path: the directory above " + target + " does not exist");
    } catch (IOException e) {
      throw new LarderException(
          ErrorCode.MOUNT_FAILED, "target_path: cannot make " + target + ": " + e, e);
    }
  }

  private static void requireDirectory(Path target) {
    if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      String kind = Files.isSymbolicLink(target) ? "a symbolic link" : "no directory";
      throw Statuses.invalid("target_path: " + target + " is " + kind);
    }
  }

  /** Takes away whatever of Larder is mounted at a target. */
  void detach(Path target) {
    try {
      mounts.unmount(target, Mounts.UnmountMode.LAZY);
    } catch (LarderException e) {
      if (e.code() != ErrorCode.UNKNOWN_MOUNT) {
        throw e;
      }
    } finally {
      changed();
    }
  }

  /** Takes a target's empty directory away; what is not empty stays. */
  void remove(Path target) {
    if (isRemoved(target)) {
      // The kernel removes nothing that something is mounted at; the list of mounts is long to
      // read.
      return;
    }
    if (table().top(target) != null) {
      mounts.detachDead(target);
    }
    try {
      Directories.remove(target);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOTEMPTY) {
        log.warn("target={} stays: it is not empty", target);
      } else if (!NO_DIRECTORY.contains(e.errno())) {
        throw new LarderException(
            ErrorCode.MOUNT_FAILED, "target_path: cannot remove " + target + ": " + e, e);
      }
    }
  }

  private static boolean isRemoved(Path target) {
    try {
      Directories.remove(target);
      return true;
    } catch (LinuxException e) {
      // Whoever looks closer says why.
      return e.errno() == Errno.ENOENT;
    }
  }
}
