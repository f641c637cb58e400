package dev.larder.keeper;

import dev.larder.keeper.Ledger.View;
import dev.larder.keeper.wire.MountedView.State;
import dev.larder.linux.Errno;
import dev.larder.linux.LinuxException;
import dev.larder.linux.MountEntry;
import dev.larder.linux.MountTable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The kernel's list of mounts as the keeper's views: an overlay and all that shows it have a device
 * number in common. A picture of one moment.
 */
final class ViewTable {
  private final MountTable table;
  private final Places places;
  private final Map<String, String> labels = new HashMap<>();

  private ViewTable(MountTable table, Places places) {
    this.table = table;
    this.places = places;
  }

  static ViewTable read(Places places, Book book) throws IOException {
    return of(places, book.read(Ledger::views));
  }

  static ViewTable of(Places places, List<View> views) throws IOException {
    ViewTable read = new ViewTable(MountTable.read(), places);
    views.forEach(view -> read.labels.put(view.id(), view.label()));
    return read;
  }

  MountTable mounts() {
    return table;
  }

  String label(String id) {
    return labels.getOrDefault(id, "");
  }

  @Nullable MountEntry catalog(String id) {
    return table.top(places.catalog(id));
  }

  @Nullable MountEntry overlay(String id) {
    return table.top(places.overlay(id));
  }

  MountEntry requireOverlay(String id) throws LinuxException {
    MountEntry entry = overlay(id);
    if (entry == null) {
      throw new LinuxException("view", id, Errno.ENOENT, "it is not mounted");
    }
    return entry;
  }

  @Nullable MountEntry top(String target) {
    return table.top(Path.of(target));
  }

  /** What a directory shows, for people. */
  String words(String target) {
    MountEntry top = top(target);
    return top == null ? "nothing" : top.type() + " mount of \"" + top.source() + "\"";
  }

  /** Whether a mount shows a view, or a directory of it. */
  boolean isOf(String id, MountEntry entry) {
    if (!entry.type().equals("overlay")) {
      return false;
    }
    MountEntry own = overlay(id);
    // Without the overlay's own mount its name has to do.
    return own == null
        ? entry.source().equals(labels.get(id))
        : entry.device().equals(own.device());
  }

  /** Whether a directory has a view mounted, on top or not. */
  boolean isShown(String id, String target) {
    return table.at(Path.of(target)).stream().anyMatch(entry -> isOf(id, entry));
  }

  /** The mount that a directory shows, if it is of a view. */
  @Nullable MountEntry shown(String id, String target) {
    MountEntry top = top(target);
    return top != null && isOf(id, top) ? top : null;
  }

  /**
   * While a view is made again, and where it could not be put in the former one's place, a
   * directory shows an overlay of the same name: that is not gone.
   */
  State state(String id, String target) {
    MountEntry top = top(target);
    if (top != null && (isOf(id, top) || isNamed(id, top))) {
      return State.MOUNTED;
    }
    boolean isThere =
        table.at(Path.of(target)).stream().anyMatch(entry -> isOf(id, entry) || isNamed(id, entry));
    return isThere ? State.COVERED : State.GONE;
  }

  private boolean isNamed(String id, MountEntry entry) {
    return entry.type().equals("overlay") && entry.source().equals(labels.get(id));
  }
}
