package dev.larder.keeper;

import dev.larder.keeper.Ledger.View;
import dev.larder.keeper.wire.MountedView;
import dev.larder.linux.ErofsMount;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountFd;
import dev.larder.linux.OverlayMount;
import dev.larder.linux.Unmount;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Catalogs, the overlays over them, and the directories that show these.
 *
 * <p><b>Threads:</b> any; changes of one directory or view take turns. <b>Errors:</b>
 * LinuxException with the kernel's errno and words; EBUSY when another change does not end.
 */
final class Views {
  /*
   * The ledger is written before a directory shows a view and after it no longer does, so that after
   * a crash it lists what is mounted or more, never less. What is mounted is always asked of the
   * kernel.
   */
  private static final int LABEL_BYTES_MAX = 200;
  private static final int UNMOUNT_MILLIS = 2_500;
  private static final int ABORT_MILLIS = 1_500;

  private final Places places;
  private final FusePlace fuse;
  private final OverlayPlace overlays;
  private final Book book;
  private final int mountsMax;
  private final Turns turns;
  private final Anchors anchors;

  Views(
      Places places,
      FusePlace fuse,
      OverlayPlace overlays,
      Book book,
      int mountsMax,
      Turns turns,
      Anchors anchors) {
    this.places = places;
    this.fuse = fuse;
    this.overlays = overlays;
    this.book = book;
    this.mountsMax = mountsMax;
    this.turns = turns;
    this.anchors = anchors;
  }

  /** Mounts an image, unless it is. */
  void catalog(String id, Fd image) throws IOException {
    try (Turns.Turn turn = turns.take(id)) {
      if (table().catalog(id) != null) {
        return;
      }
      requireRoom(book.read(ledger -> ledger.views().size()));
      try (MountFd mount = ErofsMount.of(image)) {
        OverlayPlace.attach(mount, places.catalog(id));
      }
      Log.info("mounted catalog " + id);
    }
  }

  /** Mounts the overlay of a catalog, unless it is. */
  void overlay(String id, String label, boolean noExec, Fd blobs) throws IOException {
    if (!label.startsWith("larder:")
        || label.getBytes(StandardCharsets.UTF_8).length > LABEL_BYTES_MAX) {
      throw new LinuxException("overlay", id, Errno.EINVAL, "label " + label);
    }
    Path folder = Files.readSymbolicLink(blobs.procPath());
    String identity = OverlayPlace.identity(blobs.procPath());
    View view = new View(id, label, noExec, folder.toString(), identity);
    try (Turns.Turn turn = turns.take(id)) {
      ViewTable table = table();
      if (table.catalog(id) == null) {
        throw new LinuxException("overlay", id, Errno.ENOENT, "its catalog is not mounted");
      }
      boolean isThere = table.overlay(id) != null;
      boolean unused =
          book.change(ledger -> {
            View before = ledger.view(id);
            if (isThere && before != null && !before.blobs().isEmpty()) {
              return false;
            }
            requireRoom(ledger.views().size());
            ledger.putView(view);
            return true;
          });
      if (!isThere) {
        try (Fd here = OverlayPlace.openHere(folder, identity);
            MountFd mount = overlays.make(view, here)) {
          OverlayPlace.attach(mount, places.overlay(id));
        }
        Log.info("mounted overlay " + id + " of " + label);
      }
    }
  }

  /**
   * Shows a view at a directory; done already is fine.
   *
   * @param part directory of the view to show; empty for its root
   */
  void bind(String id, String directory, String part) throws IOException {
    try (Target target = Target.open(directory)) {
      String name = target.path().toString();
      try (Turns.Turn turn = turns.take(id, name)) {
        requireOutside(target);
        boolean isNew =
            book.read(ledger -> ledger.shown(name)) == null
                ? noteFirst(id, name, part)
                : noteAgain(id, name, part);
        if (isNew) {
          attach(id, part, target);
          Log.info("bound " + label(id) + " at " + name);
        }
      }
    }
  }

  /** Nothing of ours was there, so the list of all mounts says nothing: it is long to read. */
  private boolean noteFirst(String id, String name, String part) throws IOException {
    if (!overlays.isMounted(id)) {
      throw new LinuxException("view", id, Errno.ENOENT, "it is not mounted");
    }
    return book.change(ledger -> {
      requireRoom(ledger.targetCount());
      ledger.putTarget(name, id, part);
      return true;
    });
  }

  private boolean noteAgain(String id, String name, String part) throws IOException {
    ViewTable table = table();
    MountEntry unused = table.requireOverlay(id);
    return book.change(ledger -> {
      String shown = ledger.shown(name);
      if (shown != null && table.isShown(shown, name)) {
        if (shown.equals(id) && ledger.part(name).equals(part)) {
          return false;
        }
        throw new LinuxException("bind", name, Errno.EEXIST, "it shows " + shown);
      }
      requireRoom(ledger.targetCount());
      ledger.putTarget(name, id, part);
      return true;
    });
  }

  private String label(String id) {
    View view = book.read(ledger -> ledger.view(id));
    return view == null ? id : view.label();
  }

  private void attach(String id, String part, Target target) throws IOException {
    try (MountFd mount = overlays.copy(id, part)) {
      mount.attach(target.fd());
    } catch (LinuxException e) {
      forget(target.path().toString());
      throw e;
    }
  }

  /** Refuses what would hide the keeper's or the store's own files. */
  private void requireOutside(Target target) throws LinuxException {
    target.requireOutside(places.run(), "the run directory");
    for (View view : book.read(Ledger::views)) {
      Path data = view.blobs().isEmpty() ? null : Path.of(view.blobs()).getParent();
      if (data != null) {
        target.requireOutside(data, "the data directory");
      }
    }
  }

  /** Shows another view at a directory. */
  void exchange(String directory, String from, String to) throws IOException {
    String name = Target.nameOf(directory);
    try (Turns.Turn turn = turns.take(name, from, to)) {
      ViewTable table = table();
      MountEntry view = table.requireOverlay(to);
      String shown = book.read(ledger -> ledger.shown(name));
      if (to.equals(shown) && table.shown(to, name) != null) {
        return;
      }
      if (!from.equals(shown) || table.shown(from, name) == null) {
        throw new LinuxException("switch", name, Errno.ENOENT, "it does not show " + from);
      }
      String part = book.read(ledger -> ledger.part(name));
      overlays.exchange(to, part, name);
      boolean unused =
          book.change(ledger -> {
            ledger.putTarget(name, to, part);
            return true;
          });
      Log.info("switched " + name + " to " + view.source());
    }
  }

  /** Drops what a view's inodes pin. */
  void remount(String id) throws IOException {
    MountEntry unused = table().requireOverlay(id);
    try (Fd root = Fd.openDirectory(places.overlay(id))) {
      OverlayMount.remount(root);
    }
  }

  /**
   * Makes the kernel forget every inode of the FUSE mount that nobody uses. Overlays first: their
   * inodes hold those below. May wait for reads of files closed meanwhile.
   */
  void dropNames() throws IOException {
    for (View view : book.read(Ledger::views)) {
      try (Turns.Turn turn = turns.take(view.id())) {
        remount(view.id());
      } catch (LinuxException e) {
        // Its names stay, which is fewer rows; one that went away meanwhile has none.
        if (e.errno() != Errno.ENOENT) {
          Log.warn("names of view " + view.id() + " are kept: " + e.getMessage());
        }
      }
    }
    fuse.dropNames();
  }

  /** Takes away what a directory shows. */
  void detachTarget(String directory, boolean lazy, boolean force) throws IOException {
    String name = Target.nameOf(directory);
    try (Turns.Turn turn = turns.take(name)) {
      if (book.read(ledger -> ledger.shown(name)) != null) {
        unmount(name, lazy, force);
      } else if (!anchors.remove(name, lazy || force)) {
        throw new LinuxException("detach", name, Errno.ENOENT, "nothing of Larder is there");
      }
    }
  }

  /** Takes a view away, with all that shows it. */
  void detachId(String id, boolean lazy, boolean force) throws IOException {
    List<String> names = book.read(ledger -> ledger.targets(id));
    List<String> keys = new ArrayList<>(names);
    keys.add(id);
    try (Turns.Turn turn = turns.take(keys.toArray(String[]::new))) {
      for (String name : names) {
        unmount(name, lazy, force);
      }
      OverlayPlace.remove(places.overlay(id));
      OverlayPlace.remove(places.catalog(id));
      boolean unused =
          book.change(ledger -> {
            ledger.removeView(id);
            return true;
          });
      Log.info("took view " + id + " away");
    }
    if (force && book.read(Ledger::isEmpty)) {
      // Who still waits for a file of it hurts nobody else by an end.
      fuse.abort();
    }
  }

  private void unmount(String name, boolean lazy, boolean force) throws IOException {
    ViewTable table = table();
    String id = book.read(ledger -> ledger.shown(name));
    if (id != null && table.isShown(id, name)) {
      if (table.shown(id, name) == null) {
        throw new LinuxException(
            "detach", name, Errno.EBUSY, "something is mounted over it: " + table.words(name));
      }
      Path place = Path.of(name);
      await(
          new Bounded<>(
              name,
              () -> {
                if (lazy || force) {
                  Unmount.lazily(place);
                } else {
                  Unmount.now(place);
                }
                return true;
              }),
          name,
          force);
      Log.info("unbound " + table.label(id) + " at " + name);
    }
    forget(name);
  }

  private void await(Bounded<Boolean> call, String name, boolean force) throws IOException {
    boolean isDone = call.await(UNMOUNT_MILLIS) != null;
    if (!isDone && force) {
      Log.warn("unmount of " + name + " hangs: the FUSE connection is aborted");
      fuse.abort();
      isDone = call.await(ABORT_MILLIS) != null;
    }
    if (!isDone) {
      throw new LinuxException("detach", name, Errno.ETIMEDOUT);
    }
  }

  private void forget(String name) throws IOException {
    boolean unused =
        book.change(ledger -> {
          ledger.removeTarget(name);
          return true;
        });
  }

  /** What is shown where. */
  List<MountedView> list() throws IOException {
    Map<String, String> targets = book.read(Ledger::targets);
    ViewTable table = table();
    List<MountedView> list = new ArrayList<>();
    targets.forEach((target, id) ->
        list.add(new MountedView(id, table.label(id), target, table.state(id, target))));
    return list;
  }

  private ViewTable table() throws IOException {
    return ViewTable.read(places, book);
  }

  private void requireRoom(int used) throws LinuxException {
    if (used >= mountsMax) {
      throw new LinuxException("mount", "", Errno.ENFILE, "keeper.mounts-max: " + mountsMax);
    }
  }
}
