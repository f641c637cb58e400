package dev.larder.keeper;

import dev.larder.linux.Errno;
import dev.larder.linux.FileSystems;
import dev.larder.linux.FsContext;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountFd;
import dev.larder.linux.MountTable;
import dev.larder.linux.Unmount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * Directories that are a file system of their own, so that what is exchanged below reaches copies
 * of them in containers; and dead mounts of anybody at a target. The kernel's list says what is
 * there: nothing of it is in the ledger.
 *
 * <p><b>Threads:</b> any; changes of one directory take turns.
 */
final class Anchors {
  /** Where a view is shown within. */
  static final String PLACE = "current";

  private static final String SOURCE = "larder:anchor";
  private static final int PROBE_MILLIS = 2_000;
  private static final int UNMOUNT_MILLIS = 2_500;
  private static final int STACK_MAX = 16;

  private final Places places;
  private final Turns turns;

  Anchors(Places places, Turns turns) {
    this.places = places;
    this.turns = turns;
  }

  /** Makes a directory an anchor, unless it is. */
  void make(String directory) throws IOException {
    try (Target target = Target.open(directory)) {
      String name = target.path().toString();
      try (Turns.Turn turn = turns.take(name)) {
        target.requireOutside(places.run(), "the run directory");
        MountEntry top = MountTable.read().top(target.path());
        if (top != null && isAnchor(top)) {
          return;
        }
        if (top != null) {
          throw new LinuxException("anchor", name, Errno.EEXIST, "it shows " + top.source());
        }
        try (FsContext context = FsContext.open("tmpfs");
            MountFd mount =
                context
                    .string("source", SOURCE)
                    .string("size", "64k")
                    .string("nr_inodes", "8")
                    .string("mode", "0755")
                    .create()
                    .mount(MountFd.NO_SUID | MountFd.NO_DEV)) {
          Path inner = mount.fd().procPath().resolve(PLACE);
          Files.createDirectory(inner);
          // Whatever this process's umask is, pods of any user enter.
          Files.setPosixFilePermissions(inner, PosixFilePermissions.fromString("rwxr-xr-x"));
          mount.addAttributes(MountFd.READ_ONLY);
          mount.attach(target.fd());
        }
        Log.info("made an anchor at " + name);
      }
    }
  }

  private static boolean isAnchor(MountEntry entry) {
    return entry.type().equals("tmpfs") && entry.source().equals(SOURCE);
  }

  /**
   * Takes an anchor away; whoever calls has the turn.
   *
   * @return false when there is none
   */
  boolean remove(String name, boolean lazy) throws IOException {
    MountEntry top = MountTable.read().top(Path.of(name));
    if (top == null || !isAnchor(top)) {
      return false;
    }
    if (lazy) {
      Unmount.lazily(Path.of(name));
    } else {
      Unmount.now(Path.of(name));
    }
    Log.info("took the anchor at " + name + " away");
    return true;
  }

  /**
   * Takes dead mounts at a directory away.
   *
   * @throws LinuxException EBUSY for one that answers, ETIMEDOUT for one that neither answers nor
   *     fails
   */
  void detachDead(String directory) throws IOException {
    String name = Target.nameOf(directory);
    Path place = Path.of(name);
    try (Turns.Turn turn = turns.take(name)) {
      for (int i = 0; i < STACK_MAX; i++) {
        MountEntry top = MountTable.read().top(place);
        if (top == null) {
          return;
        }
        requireDead(name, top);
        Bounded<Boolean> call =
            new Bounded<>(
                name,
                () -> {
                  Unmount.lazily(place);
                  return true;
                });
        if (call.await(UNMOUNT_MILLIS) == null) {
          throw new LinuxException("detach", name, Errno.ETIMEDOUT);
        }
        Log.info("took a dead mount of " + top.source() + " at " + name + " away");
      }
      throw new LinuxException("detach", name, Errno.EBUSY, "too many mounts on each other");
    }
  }

  private static void requireDead(String name, MountEntry top) throws LinuxException {
    Bounded<Integer> probe = new Bounded<>(name, () -> FileSystems.probe(Path.of(name)));
    Integer result = probe.await(PROBE_MILLIS);
    if (result == null) {
      throw new LinuxException(
          "detach", name, Errno.ETIMEDOUT, top.source() + " is mounted there and does not answer");
    }
    boolean isDead =
        switch (-result) {
          case Errno.ENOTCONN, Errno.ECONNABORTED, Errno.ESTALE, Errno.EIO, Errno.ENXIO -> true;
          default -> false;
        };
    if (!isDead) {
      throw new LinuxException(
          "detach", name, Errno.EBUSY, top.source() + " is mounted there and answers");
    }
  }
}
