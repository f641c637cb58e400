package dev.larder.keeper;

import dev.larder.keeper.Ledger.View;
import dev.larder.keeper.wire.MountedView.State;
import dev.larder.linux.Errno;
import dev.larder.linux.Fd;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountFd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Puts views right after a keeper or the FUSE connection died. */
final class Recovery {
  private final Places places;
  private final OverlayPlace overlays;
  private final Book book;
  private final Turns turns;

  Recovery(Places places, OverlayPlace overlays, Book book, Turns turns) {
    this.places = places;
    this.overlays = overlays;
    this.book = book;
    this.turns = turns;
  }

  /** Puts the ledger right against what is mounted; at start, before anybody asks. */
  void reconcile() throws IOException {
    List<String> overlayIds = names(places.overlays());
    List<String> catalogIds = names(places.catalogs());
    ViewTable table = ViewTable.read(places, book);
    boolean unused =
        book.change(ledger -> {
          for (String id : overlayIds) {
            takeOn(ledger, table, id);
          }
          forgetGone(ledger, table);
          return true;
        });
    for (String id : overlayIds) {
      if (book.read(ledger -> ledger.view(id)) == null) {
        OverlayPlace.remove(places.overlay(id));
      }
    }
    for (String id : catalogIds) {
      if (book.read(ledger -> ledger.view(id)) == null) {
        OverlayPlace.remove(places.catalog(id));
      }
    }
  }

  /** A view that is mounted and that the ledger, lost or old, does not know. */
  private void takeOn(Ledger ledger, ViewTable table, String id) {
    MountEntry entry = table.overlay(id);
    if (entry == null || ledger.view(id) != null || table.catalog(id) == null) {
      return;
    }
    Log.warn("view " + id + " is mounted and not in the state: taken on");
    boolean noExec = entry.options().contains("noexec");
    ledger.putView(new View(id, entry.source(), noExec, "", ""));
    for (MountEntry other : table.mounts().entries()) {
      if (table.isOf(id, other) && !other.mountPoint().startsWith(places.mounts() + "/")) {
        ledger.putTarget(other.mountPoint(), id, other.root().substring(1));
      }
    }
  }

  private static void forgetGone(Ledger ledger, ViewTable table) {
    ledger
        .targets()
        .forEach((target, id) -> {
          if (table.state(id, target) == State.GONE) {
            Log.warn("view " + id + " is no longer shown at " + target);
            ledger.removeTarget(target);
          }
        });
    for (View view : ledger.views()) {
      boolean isWhole = table.overlay(view.id()) != null && table.catalog(view.id()) != null;
      if (!isWhole && ledger.targets(view.id()).isEmpty()) {
        Log.warn("view " + view.id() + " is not mounted any more");
        ledger.removeView(view.id());
      }
    }
  }

  private static List<String> names(Path directory) throws IOException {
    Files.createDirectories(directory);
    List<String> names = new ArrayList<>();
    try (var stream = Files.newDirectoryStream(directory)) {
      stream.forEach(path -> names.add(String.valueOf(path.getFileName())));
    }
    return names;
  }

  /**
   * Makes every view again over a new FUSE connection, and shows it where the former one was. What
   * cannot be made stays as it is: complete files go on.
   */
  void rebuild() {
    for (View view : book.read(Ledger::views)) {
      try (Turns.Turn turn = turns.take(view.id())) {
        rebuild(view);
      } catch (IOException | RuntimeException e) {
        Log.error("view " + view.id() + " of " + view.label() + " cannot be made again: " + e);
      }
    }
  }

  private void rebuild(View view) throws IOException {
    if (view.blobs().isEmpty()) {
      throw new LinuxException("rebuild", view.id(), Errno.ENOENT, "its blobs are not known");
    }
    ViewTable before = ViewTable.read(places, book);
    if (before.catalog(view.id()) == null) {
      throw new LinuxException("rebuild", view.id(), Errno.ENOENT, "its catalog is not mounted");
    }
    try (Fd blobs = OverlayPlace.openHere(Path.of(view.blobs()), view.blobsId());
        MountFd mount = overlays.make(view, blobs)) {
      OverlayPlace.clear(places.overlay(view.id()));
      OverlayPlace.attach(mount, places.overlay(view.id()));
    }
    for (String target : book.read(ledger -> ledger.targets(view.id()))) {
      try (Turns.Turn turn = turns.take(target)) {
        MountEntry former = before.shown(view.id(), target);
        if (former == null || !isStillOnTop(former, target)) {
          Log.warn("view " + view.id() + " is not on top at " + target + ": it stays as it is");
        } else {
          String part = book.read(ledger -> ledger.part(target));
          overlays.exchange(view.id(), part, target);
        }
      }
    }
    Log.info("made view " + view.id() + " of " + view.label() + " again");
  }

  private boolean isStillOnTop(MountEntry former, String target) throws IOException {
    MountEntry top = ViewTable.read(places, book).top(target);
    return top != null && top.id() == former.id();
  }
}
