package dev.larder.keeper;

import dev.larder.keeper.Ledger.View;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountFd;
import dev.larder.linux.MountTable;
import dev.larder.linux.OverlayMount;
import dev.larder.linux.Unmount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Makes overlays and mounts of them. Any thread. */
final class OverlayPlace {
  private final Places places;
  private final FusePlace fuse;
  private final OverlayMount overlays;

  OverlayPlace(Places places, FusePlace fuse, OverlayMount overlays) {
    this.places = places;
    this.fuse = fuse;
    this.overlays = overlays;
  }

  /**
   * Makes a view's overlay, attached nowhere yet. The kernel asks STATFS of the FUSE mount, so an
   * agent must be serving it, or the keeper standing in.
   */
  MountFd make(View view, Fd blobs) throws LinuxException {
    try (Fd tree = Fd.openDirectory(places.catalog(view.id()));
        Fd rest = fuse.root()) {
      return overlays.of(view.label(), tree, List.of(blobs, rest), view.noExec());
    }
  }

  /** Attaches a mount at one of the keeper's own places, which is made. */
  static void attach(MountFd mount, Path place) throws IOException {
    Files.createDirectories(place);
    try {
      mount.attach(place);
    } catch (LinuxException e) {
      Files.deleteIfExists(place);
      throw e;
    }
  }

  /** Takes away what is mounted at one of the keeper's own places: nobody enters by it. */
  static void remove(Path place) throws IOException {
    clear(place);
    Files.deleteIfExists(place);
  }

  static void clear(Path place) throws IOException {
    while (MountTable.read().top(place) != null) {
      Unmount.lazily(place);
    }
  }

  /**
   * A further mount of a view's overlay, attached nowhere yet.
   *
   * @param part directory of it to be the root; empty for the whole
   */
  MountFd copy(String id, String part) throws LinuxException {
    Fd at = Fd.openDirectory(places.overlay(id));
    try {
      for (String name : part.split("/", -1)) {
        if (name.equals(".") || name.equals("..")) {
          throw new LinuxException("bind", id, Errno.EINVAL, "a part may not hold " + name);
        }
        if (!name.isEmpty()) {
          // One by one, so that no link of the dataset leads anywhere.
          Fd next =
              Fd.open(at.procPath().resolve(name), Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_NOFOLLOW);
          at.close();
          at = next;
        }
      }
      return MountFd.cloneOf(at, false);
    } finally {
      at.close();
    }
  }

  /** Whether a view's overlay is at its place; costs the same however many mounts there are. */
  boolean isMounted(String id) throws IOException {
    try (Fd at = Fd.openDirectory(places.overlay(id));
        Fd mounts = Fd.openDirectory(places.mounts())) {
      return at.mountId() != mounts.mountId();
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return false;
      }
      throw e;
    }
  }

  /** Puts a view beneath the mount that is on top of a directory, and takes that away. */
  void exchange(String id, String part, String target) throws LinuxException {
    Path place = Path.of(target);
    try (MountFd mount = copy(id, part);
        Fd top = Fd.open(place, Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_NOFOLLOW)) {
      mount.attachBeneath(top);
    }
    Unmount.lazily(place);
  }

  /**
   * A folder as this name space has it, as the kernel takes no layer of another one.
   *
   * @param folder its name where it was opened
   * @param identity of the folder meant
   * @throws LinuxException ESTALE where another folder has that name here, ENOENT where none has
   */
  static Fd openHere(Path folder, String identity) throws IOException {
    Fd here = Fd.open(folder, Fd.O_PATH | Fd.O_DIRECTORY | Fd.O_NOFOLLOW);
    try {
      if (!identity(here.procPath()).equals(identity)) {
        throw new LinuxException(
            "blobs",
            folder.toString(),
            Errno.ESTALE,
            "it is another folder where the keeper runs; agent and keeper must have the data"
                + " directory at the same path");
      }
      return here;
    } catch (IOException e) {
      here.close();
      throw e;
    }
  }

  /** Tells a folder from another one in its place. */
  static String identity(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new LinuxException("blobs", directory.toString(), Errno.ENOTDIR);
    }
    Object device = Files.getAttribute(directory, "unix:dev");
    return device + ":" + Files.getAttribute(directory, "unix:ino");
  }
}
