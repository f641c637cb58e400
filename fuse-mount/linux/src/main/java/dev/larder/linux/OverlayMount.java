package dev.larder.linux;

import java.util.List;

/**
 * Mounts overlays whose upper layer is a tree of metadata and whose other layers hold the data.
 *
 * <p>Layers are named by descriptor ({@code /proc/self/fd/N}), so a path of any length and with any
 * character does, and no link can be put in its way. <b>Threads:</b> any.
 */
public final class OverlayMount {
  private final OverlayStyle style;

  /** Mounts in one style, see {@link OverlayStyle#probe}. */
  public OverlayMount(OverlayStyle style) {
    this.style = style;
  }

  /**
   * Makes a read-only overlay.
   *
   * @param source shown as the mount's source
   * @param tree root directory of the metadata, with {@code trusted.overlay.redirect} to data
   * @param data directories that hold the data, in the order they are asked
   * @param noExec whether programs in it may be run
   * @return attached nowhere yet; read-only, nosuid, nodev
   */
  public MountFd of(String source, Fd tree, List<Fd> data, boolean noExec) throws LinuxException {
    try (FsContext context = FsContext.open("overlay")) {
      context.string("source", source);
      switch (style) {
        case APPENDED -> {
          context.string("lowerdir+", tree.procPath().toString());
          for (Fd layer : data) {
            context.string("datadir+", layer.procPath().toString());
          }
        }
        case JOINED -> {
          StringBuilder layers = new StringBuilder(tree.procPath().toString());
          data.forEach(layer -> layers.append("::").append(layer.procPath()));
          context.string("lowerdir", layers.toString());
        }
      }
      context.string("metacopy", "on").string("redirect_dir", "follow").flag("ro").create();
      int attributes = MountFd.READ_ONLY | MountFd.NO_SUID | MountFd.NO_DEV;
      return context.mount(noExec ? attributes | MountFd.NO_EXEC : attributes);
    }
  }

  /**
   * Drops what the overlay's inodes pin, so that files are looked up in the layers anew; readers
   * notice nothing.
   *
   * @param root the overlay's root directory, of any of its mounts
   */
  public static void remount(Fd root) throws LinuxException {
    try (FsContext context = FsContext.pick(root)) {
      FsContext unused = context.flag("ro").reconfigure();
    }
  }
}
